/** The files of the npm package, made from those of the repository. */

/** A module as `deno info --json` tells of it. */
interface GraphModule {
  readonly local?: string;
}

/** Modules of the program that some entries need, as paths in the repository. */
export async function modulesOf(entries: readonly string[], root: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const entry of entries) {
    const graph = JSON.parse(await output(["info", "--json", entry], root)) as { readonly modules: GraphModule[] };
    for (const { local } of graph.modules) {
      if (local?.startsWith(root)) found.add(local.slice(root.length).replaceAll("\\", "/"));
    }
  }
  return [...found].sort();
}

/** Writes modules as JavaScript, since Deno takes no TypeScript from below `node_modules`. */
export async function transpile(modules: readonly string[], root: string, folder: string): Promise<void> {
  const sources = modules.filter((path) => path.endsWith(".ts"));
  await output(["transpile", "--quiet", "--no-check", `--outdir=${folder}`, ...sources], root);
}

/**
 * A module with the specifiers of a package: modules end in `.js`, and names that `imports` maps to a file of the program
 * are that file.
 * @param path of the module in the program
 */
export function withPackageSpecifiers(
  text: string,
  path: string,
  imports: Readonly<Record<string, string>>,
): string {
  const up = "../".repeat(path.split("/").length - 1) || "./";
  const named = Object.entries(imports).filter(([, target]) => target.startsWith("./")).reduce(
    (result, [name, target]) => result.replaceAll(`"${name}"`, `"${up}${target.slice(2)}"`),
    text,
  );
  return named.replace(/"(\.\.?\/[\w./-]+)\.ts"/g, '"$1.js"');
}

/** Runs Deno in a folder; what it prints. */
export async function output(args: readonly string[], cwd: string): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd, env: { NO_COLOR: "1" }, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  if (code === 0) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run deno ${args[0]}: ${new TextDecoder().decode(stderr).trim()}`);
}
