/**
 * The npm package as somebody has it who has Node: packed, installed into an empty folder, and run on a picture. npm needs
 * the packages of the manifest, from its cache or from its registry.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };
import { npm, pack, writePackage } from "../../package/build.ts";

/** The picture that is restored: 16x16 pixels of WebP. */
const PICTURE = new URL("../cases/other-formats/picture.webp", import.meta.url);

/** Most bytes of the tarball. */
const MOST_BYTES = 12e6;

/** What npm prints where it reaches no registry and has not kept a package. */
const UNREACHABLE = /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/;

/** What a program printed. */
interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Says why a test is left out. */
function leftOut(reason: string): void {
  // deno-lint-ignore no-console -- a skipped test must say why
  console.log(`The npm package is not tried: ${reason}`);
}

/** Packs and installs the package into a folder; undefined, with a printed reason, where npm cannot do it here. */
async function install(root: string): Promise<string | undefined> {
  for (const name of ["files", "user's programs"]) await Deno.mkdir(`${root}/${name}`);
  await writePackage(`${root}/files`);
  const tarball = await pack(`${root}/files`, root);
  const { size } = await Deno.stat(tarball);
  assert(size < MOST_BYTES, `the tarball has ${size} bytes`);
  const cwd = `${root}/user's programs`;
  const { code, stderr } = await npm(["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], cwd);
  if (UNREACHABLE.test(stderr)) {
    leftOut("npm reaches no registry, and its cache lacks a package");
    return undefined;
  }
  assertEquals(code, 0, stderr);
  return `${cwd}/node_modules`;
}

/** All paths below a folder. */
async function filesIn(folder: string, prefix = ""): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await filesIn(`${folder}/${name}`, `${prefix}${name}/`));
    else found.push(prefix + name);
  }
  return found;
}

/** Whether npm is there. */
async function hasNpm(): Promise<boolean> {
  return await npm(["--version"], ".").then(({ code }) => code === 0, () => false);
}

Deno.test("the npm package restores a picture where the user stands, and passes exit codes and Ctrl-C on", async (t) => {
  if (!await hasNpm()) return leftOut("npm is not installed");
  const root = await Deno.makeTempDir({ prefix: "shortcut package " });
  try {
    const modules = await install(root);
    if (modules === undefined) return;
    const photos = `${root}/my photos`;
    const caches = `${root}/caches`;
    await Deno.mkdir(photos);
    await Deno.copyFile(PICTURE, `${photos}/a photo.webp`);
    const program = `${modules}/.bin/shortcut${Deno.build.os === "windows" ? ".cmd" : ""}`;
    const command = (words: readonly string[]): Deno.Command =>
      new Deno.Command(program, {
        args: [...words],
        cwd: photos,
        env: { INIT_CWD: photos, DENO_DIR: caches, NO_COLOR: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      });
    const run = async (...words: readonly string[]): Promise<Ran> => {
      const { code, stdout, stderr } = await command(words).output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    };
    const names = async (): Promise<readonly string[]> => (await filesIn(photos)).toSorted();

    await t.step("it has the program as JavaScript, and neither tests nor studies", async () => {
      const files = await filesIn(`${modules}/${settings.name}`);
      for (const needed of ["models/default/prior.safetensors", "shortcut.1", "README.md", "LICENSE"]) {
        assert(files.includes(needed), needed);
      }
      assertEquals(files.filter((path) => /^(tests|tools|docs|examples)\/|studies|_test\.|\.tsx?$/.test(path)), []);
    });

    await t.step("it says its version, and lists the commands for an unknown one", async () => {
      assertEquals(await run("--version"), { code: 0, stdout: `shortcut ${settings.version}\n`, stderr: "" });
      const { code, stdout, stderr } = await run("restor", "a photo.webp");
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, 'did you mean "restore"?');
      assertMatch(stderr, /\n {2}evaluate +Compare methods/);
    });

    await t.step("it restores a picture, and writes beside it", async () => {
      const { code, stdout, stderr } = await run("restore", "a photo.webp", "--task=sr4", "--steps=4", "--quiet");
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "Wrote a photo-restored.png (64x64)");
      assertEquals(stderr, "", "--quiet shows errors alone");
      assertEquals(await names(), ["a photo-restored.json", "a photo-restored.png", "a photo.webp"]);
      const fetched = (await filesIn(caches)).filter((path) => /^(npm|remote)\//.test(path));
      assertEquals(fetched, [], "nothing is fetched after npm has installed");
      for (const name of ["png", "json"]) await Deno.remove(`${photos}/a photo-restored.${name}`);
    });

    await t.step({
      name: "Ctrl-C stops it with exit code 130, and it leaves no result",
      ignore: Deno.build.os === "windows",
      fn: async () => {
        const child = command(["restore", "a photo.webp", "--task=sr4", "--steps=500"]).spawn();
        const reader = child.stderr.getReader();
        let seen = "";
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          seen += new TextDecoder().decode(part.value);
          if (/restore 1\//.test(seen)) child.kill("SIGINT");
        }
        await child.stdout.cancel();
        assertEquals((await child.status).code, 130, seen);
        assertStringIncludes(seen, "stopped by Ctrl-C");
        // A run of some seconds also keeps its state, from which it can go on.
        assertEquals((await names()).filter((name) => !name.endsWith(".state")), ["a photo.webp"]);
      },
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
