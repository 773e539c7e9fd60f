/**
 * Running the notebooks of `examples/notebooks` as Jupyter does, in a kernel of the Deno that runs this.
 * `deno run -A tests/examples/notebooks.ts` writes into each what its cells show now.
 */

/** Folder of the notebooks. */
export const NOTEBOOKS = new URL("../../examples/notebooks/", import.meta.url).pathname;

/** Where Debian's packages put their modules; another Python on the path may have them, too. */
const PYTHONS = ["/usr/bin/python3", "python3"];

/** What is said where they are not there. */
export const SKIPPED =
  "Notebooks are not run: there is no nbclient; as root, apt-get install -y python3-nbclient installs it";

/** A Python that runs notebooks; undefined if there is none. */
export async function notebookPython(): Promise<string | undefined> {
  for (const python of PYTHONS) {
    const command = new Deno.Command(python, { args: ["-c", "import nbclient"], stdout: "null", stderr: "null" });
    if (await command.output().then(({ success }) => success, () => false)) return python;
  }
  return undefined;
}

/** What a cell showed. */
export interface CellOutput {
  readonly "output_type": string;
  readonly data?: Readonly<Record<string, string | readonly string[]>>;
}

/** The parts of a notebook that matter here. */
export interface Notebook {
  readonly cells: readonly {
    readonly "cell_type": "code" | "markdown";
    readonly source: string | readonly string[];
    readonly outputs?: readonly CellOutput[];
  }[];
}

/** Names of all notebooks. */
export async function notebookNames(): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(NOTEBOOKS)) if (name.endsWith(".ipynb")) names.push(name);
  return names.sort();
}

/**
 * Runs all cells of a notebook.
 * @returns its file with what they showed
 * @throws {Error} if a cell throws, with what it printed
 */
export async function runNotebook(name: string, python: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "notebook-" });
  try {
    await Deno.mkdir(`${folder}/kernels/deno`, { recursive: true });
    const kernel = {
      argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
      "display_name": "Deno",
      language: "typescript",
    };
    await Deno.writeTextFile(`${folder}/kernels/deno/kernel.json`, JSON.stringify(kernel));
    const script = new URL("run_notebook.py", import.meta.url).pathname;
    const { success, stderr } = await new Deno.Command(python, {
      args: [script, NOTEBOOKS + name, `${folder}/out.ipynb`],
      env: { JUPYTER_PATH: folder, NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
    }).output();
    if (!success) throw new Error(`Cannot run "${name}": ${new TextDecoder().decode(stderr).trim()}`);
    return await Deno.readTextFile(`${folder}/out.ipynb`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const python = await notebookPython();
  if (python === undefined) throw new Error(SKIPPED);
  for (const name of await notebookNames()) {
    const text = await runNotebook(name, python);
    await Deno.writeTextFile(NOTEBOOKS + name, text);
    await Deno.stderr.write(new TextEncoder().encode(`${name}: ${text.length} characters\n`));
  }
}
