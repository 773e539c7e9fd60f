/** The manifest of the npm package and its settings, from `deno.json`. */
import { commandTask, type Settings } from "./launch.ts";

/** The parts of `deno.json` that a package is made of. */
export interface Project extends Settings {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly permissions: Readonly<Record<string, unknown>>;
  readonly compilerOptions: Readonly<Record<string, unknown>>;
}

/** The version of Deno that everything is tried with. */
export const DENO_VERSION = "2.9.6";

/** What `package.json` says. */
export function packageManifest(
  { name, version, license, imports }: Project,
  packages: readonly string[],
): Readonly<Record<string, unknown>> {
  const dependencies = packages.map((wanted) => {
    const at = /^npm:(.+)@([^@]+)$/.exec(imports[wanted] ?? "");
    if (at?.[1] !== wanted) {
      throw new Error(`Cannot name the version of "${wanted}": deno.json maps it to "${imports[wanted]}", not npm`);
    }
    return [wanted, at[2]!] as const;
  });
  return {
    name,
    version,
    license,
    description: "Restores damaged pictures with diffusion models, on WebGPU",
    keywords: ["diffusion", "image-restoration", "super-resolution", "inpainting", "deblurring", "webgpu"],
    type: "module",
    bin: { shortcut: "package/shortcut.js" },
    man: ["./shortcut.1"],
    engines: { node: ">=20" },
    dependencies: Object.fromEntries([["deno", DENO_VERSION], ...dependencies]),
  };
}

/**
 * The settings of the package: its commands with what they may do. Packages are those that npm installs beside it.
 * @param modules what the package has; commands in others start nothing
 */
export function packageSettings(
  { name, version, tasks, permissions, compilerOptions }: Project,
  modules: readonly string[],
): Readonly<Record<string, unknown>> {
  const commands = Object.entries(tasks).flatMap(([command, task]) => {
    const found = commandTask({ tasks }, command);
    return found ? [{ command, task, set: found.set || "default", isHere: modules.includes(found.file) }] : [];
  });
  const sets = new Set(commands.filter(({ isHere }) => isHere).map(({ set }) => set));
  return {
    name,
    version,
    nodeModulesDir: "manual",
    lock: false,
    tasks: Object.fromEntries(
      commands.map(({ command, task, isHere }) =>
        [command, { ...task, command: isHere ? task.command.replace(/\.ts\b/g, ".js") : "" }] as const
      ),
    ),
    permissions: Object.fromEntries(Object.entries(permissions).filter(([set]) => sets.has(set))),
    compilerOptions,
  };
}

/** The packages that a text imports, by their names in `imports`. */
export function packagesIn(text: string, imports: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(imports).filter((name) =>
    imports[name]!.startsWith("npm:") && new RegExp(`(from|import)\\s*\\(?\\s*"${name}(/[^"]*)?"`).test(text)
  );
}
