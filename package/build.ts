/**
 * `deno task package [FOLDER]`: writes the npm package as a tarball into a folder (by default `out`). It has the program
 * as JavaScript, the embedded prior and the sample picture, and names the packages that npm installs with it.
 */
import { fileURLToPath } from "node:url";
import { commandSpecs } from "../cli/mod.ts";
import { callerPath } from "../io/mod.ts";
import settings from "../deno.json" with { type: "json" };
import { modulesOf, transpile, withPackageSpecifiers } from "./files.ts";
import { manual } from "./manual.ts";
import { packageManifest, packageSettings, packagesIn, type Project } from "./manifest.ts";
import { allCommands } from "./words.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The programs of the package. */
const ENTRIES = ["package/shortcut.ts", "package/program.ts", "adapter/setup.ts", "adapter/probe.ts"];

/** Files that are copied as they are. */
const COPIED = [
  "models/default/prior.safetensors",
  "models/default/sample.png",
  "models/default/photograph.png",
  "models/default/README.md",
  "LICENSE",
];

/** Documents of the package: what somebody needs who has installed it. */
const README = "docs/install.md";

/**
 * Writes the files of the package.
 * @param folder an empty one
 */
export async function writePackage(folder: string): Promise<void> {
  const project = settings as unknown as Project;
  const modules = await modulesOf(ENTRIES, ROOT);
  await transpile(modules, ROOT, folder);
  const packages = new Set<string>();
  for (const path of modules.filter((path) => path.endsWith(".ts")).map((path) => path.replace(/\.ts$/, ".js"))) {
    const text = await Deno.readTextFile(`${folder}/${path}`);
    for (const name of packagesIn(text, project.imports)) packages.add(name);
    await Deno.writeTextFile(`${folder}/${path}`, withPackageSpecifiers(text, path, project.imports));
  }
  for (const path of COPIED) {
    await Deno.mkdir(`${folder}/${path.slice(0, path.lastIndexOf("/") + 1)}`, { recursive: true });
    await Deno.copyFile(ROOT + path, `${folder}/${path}`);
  }
  await Deno.copyFile(ROOT + README, `${folder}/README.md`);
  await Deno.writeTextFile(`${folder}/shortcut.1`, manual(allCommands(await commandSpecs())));
  const write = (name: string, data: unknown): Promise<void> =>
    Deno.writeTextFile(`${folder}/${name}`, `${JSON.stringify(data, null, 2)}\n`);
  await write("package.json", packageManifest(project, [...packages].sort()));
  await write("deno.json", packageSettings(project, modules));
}

/**
 * Packs the files of the package.
 * @param target where the tarball goes
 * @returns its path
 * @throws {Error} if npm is not there or cannot pack
 */
export async function pack(folder: string, target: string): Promise<string> {
  const { code, stdout, stderr } = await npm(["pack", "--json", `--pack-destination=${target}`], folder);
  if (code !== 0) throw new Error(`Cannot pack "${folder}": ${stderr.trim()}`);
  const [{ filename }] = JSON.parse(stdout) as [{ readonly filename: string }];
  return `${target}/${filename}`;
}

/** Runs npm in a folder. */
export async function npm(
  args: readonly string[],
  cwd: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const name = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  const { code, stdout, stderr } = await new Deno.Command(name, { args: [...args], cwd, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Writes and packs the package. */
async function main([target = "out"]: readonly string[]): Promise<number> {
  const into = callerPath(target);
  await Deno.mkdir(into, { recursive: true });
  const folder = await Deno.makeTempDir({ prefix: "shortcut-package-" });
  try {
    await writePackage(folder);
    const file = await pack(folder, await Deno.realPath(into));
    const megabytes = ((await Deno.stat(file)).size / 1e6).toFixed(1);
    await Deno.stdout.write(new TextEncoder().encode(`wrote ${file} (${megabytes} MB)\n`));
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
