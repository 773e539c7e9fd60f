/**
 * All tests in one module, hence in one isolate, as `deno task test` runs them. Given many files, `deno test` starts an
 * isolate for each in one process, and the software Vulkan driver does not survive that reliably: about one run in ten
 * of eight files ended in a heap corruption while the process exited, none of 180 runs of a single file. Sharing one
 * device also compiles each kernel once.
 */

/** Test files below a folder, in order of their paths. */
async function testFiles(folder: URL): Promise<readonly URL[]> {
  const found: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await testFiles(new URL(`${name}/`, folder)));
    else if (name.endsWith("_test.ts")) found.push(new URL(name, folder));
  }
  return found.sort((a, b) => a.href < b.href ? -1 : 1);
}

for (const file of await testFiles(new URL("./", import.meta.url))) await import(file.href);
