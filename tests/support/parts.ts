/** The tests in parts, each for one process. */

/** Places that take longest, from the longest on. */
export const LONG: readonly string[] = [
  "cli/options_effect_test.ts",
  "cli",
  "kernels",
  "models",
  "samplers",
  "conformance",
  "restoration",
];

/**
 * Files that start a browser, whose library looks at places that only `--allow-all` opens. They take minutes on a software
 * driver, and are no part of all tests: `deno task test:studio` runs them.
 */
export const BROWSER: readonly string[] = [
  "studio/accessibility_test.ts",
  "studio/browser_test.ts",
  "studio/compiler_test.ts",
  "studio/endurance_test.ts",
  "studio/keyboard_test.ts",
  "studio/limits_test.ts",
  "studio/models_browser_test.ts",
  "studio/offline_browser_test.ts",
  "studio/page_test.ts",
  "studio/photo_test.ts",
  "studio/start_test.ts",
];

/**
 * Files that run the examples as a person would: each is a program, or a notebook, that starts anew and takes as long as
 * it would take a person. They are no part of all tests: `deno task test:examples` runs them.
 */
export const EXAMPLES: readonly string[] = ["examples/examples_test.ts", "examples/notebooks_test.ts"];

/**
 * Files that install packages, for which npm may ask its registry, run what has been installed beside, or write all that
 * is published. They are no part of all tests: `deno task test:package` runs them.
 */
export const INSTALLING: readonly string[] = [
  "package/address_test.ts",
  "package/package_test.ts",
  "package/site_test.ts",
];

/**
 * Files that start servers, and kill them: they wait for leases and connections rather than compute. They are no part of
 * all tests: `deno task test:distribution` runs them.
 */
export const SERVERS: readonly string[] = [
  "distribution/access_test.ts",
  "distribution/clock_test.ts",
  "distribution/command_test.ts",
  "distribution/distribution_test.ts",
  "distribution/failures_test.ts",
  "distribution/filling_test.ts",
  "distribution/killing_test.ts",
  "distribution/slurm_test.ts",
  "distribution/watching_test.ts",
];

/** Files that restore large pictures for minutes. They are no part of all tests: `deno task test:large` runs them. */
export const LARGE: readonly string[] = ["large/larger_photo_test.ts"];

/** Files that must be alone in their isolate, as they measure it or change what others share. */
export const ALONE: readonly string[] = ["samplers/memory_test.ts"];

/**
 * Whether tests need all permissions.
 * @param tests the folder of the tests, with a slash at its end
 * @param places files and folders, in the current folder if they are relative
 */
export function needAll(tests: string, places: readonly string[]): boolean {
  const here = new URL(`file://${Deno.cwd()}/`);
  const paths = places.map((place) => new URL(place, here).pathname.replace(/\/$/, ""));
  return BROWSER.some((file) =>
    paths.some((path) => `${tests}${file}` === path || `${tests}${file}`.startsWith(`${path}/`))
  );
}

/** Most files of a part: small parts let the lanes end together. */
const FILES = 20;

/** The test files of a folder, or the file itself, as paths in the folder of the tests. */
async function testFiles(tests: string, place: string): Promise<readonly string[]> {
  if (place.endsWith(".ts")) return [place];
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${tests}${place}`)) {
    const path = place === "" ? name : `${place}/${name}`;
    if (isDirectory) files.push(...await testFiles(tests, path));
    else if (name.endsWith("_test.ts")) files.push(path);
  }
  return files.sort();
}

/**
 * All test files but those that start a browser or servers, run examples, install packages or restore large pictures, in
 * parts, in the order in which they are begun: long ones first.
 * @param tests the folder of the tests, with a slash at its end
 * @returns paths of files
 */
export async function allParts(tests: string): Promise<readonly (readonly string[])[]> {
  const taken = new Set<string>([...BROWSER, ...EXAMPLES, ...INSTALLING, ...SERVERS, ...LARGE]);
  const parts: string[][] = [];
  for (const place of [...LONG, ""]) {
    const files = (await testFiles(tests, place)).filter((file) => !taken.has(file));
    for (const file of files) taken.add(file);
    const shared = files.filter((file) => !ALONE.includes(file));
    for (let at = 0; at < shared.length; at += FILES) parts.push(shared.slice(at, at + FILES));
    for (const file of files) if (ALONE.includes(file)) parts.push([file]);
  }
  return parts.map((part) => part.map((file) => `${tests}${file}`));
}

/**
 * Runs a body with the path of a module that has the tests of several files. `deno test` gives each file an isolate,
 * which loads the program anew, opens a device and makes its pipelines; files in one module share them.
 */
export async function withJoined<T>(files: readonly string[], body: (path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/part_test.ts`;
    await Deno.writeTextFile(path, files.map((file) => `import "file://${file}";\n`).join(""));
    return await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
