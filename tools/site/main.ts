/**
 * `deno task site --out FOLDER`: the documents as static pages, the API as `deno doc` writes it, and the studio. The pages
 * need no script, and fetch nothing from elsewhere; any web host takes the folder, and a browser opens it from a disk.
 */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { callerPath, type CommandSpec, FileError, helpText, Interrupt, InterruptedError } from "../../io/mod.ts";
import { INTERRUPTED_EXIT, readCommandLine } from "../../io/mod.ts";
import { textOf, UsageError } from "../../parameters/mod.ts";
import settings from "../../deno.json" with { type: "json" };
import { buildPages } from "./build.ts";
import type { Entry } from "./frame.ts";
import { linkProblems } from "./links.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const SPEC: CommandSpec = {
  name: "site",
  summary: "Writes documents, API and studio as static pages into a folder.",
  operands: { usage: "", min: 0, max: 0 },
  options: {
    out: {
      kind: "text",
      value: "FOLDER",
      help: "Where they go: a new folder, an empty one, or one that this has written",
    },
    report: { kind: "text", value: "FILE", help: "Also show a report of evaluate, such as frontier/report.html" },
    "pages-only": { kind: "flag", help: "Leave out API and studio, which take the longest" },
  },
  examples: [
    ["deno task site --out pages", "all of it"],
    ["deno task site --out pages --report frontier/report.html", "with a report"],
  ],
};

/** A file by which a folder is known as one that was written here. */
const MARK = ".shortcut-site";

/** A part of the site that another program writes. */
interface Part extends Entry {
  readonly write: (folder: string) => Promise<void>;
}

/** Runs deno with words, and fails as it does. */
async function deno(what: string, words: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...words],
    cwd: ROOT,
    env: { NO_COLOR: "1", INIT_CWD: ROOT },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot write ${what}: ${new TextDecoder().decode(stderr).trim()}`);
}

const API: Part = {
  title: "API",
  address: "api/index.html",
  write: (folder) =>
    deno("the API", ["doc", "--html", "--name=Shortcut", `--output=${folder}/api`, ...Object.values(settings.exports)]),
};

const STUDIO: Part = {
  title: "Studio",
  address: "studio/index.html",
  write: (folder) =>
    deno("the studio", ["run", "--quiet", "--no-prompt", "-P=studio", "studio/serve.ts", `--out=${folder}/studio`]),
};

/** The part that is a report. */
function reportPart(path: string): Part {
  const address = "reports/evaluation.html";
  return {
    title: "An evaluation",
    address,
    async write(folder): Promise<void> {
      await Deno.mkdir(`${folder}/reports`);
      await Deno.copyFile(path, `${folder}/${address}`);
    },
  };
}

/** Whether there is a file of that path. */
async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** @throws {FileError} if the folder holds what this has not written */
async function checkTarget(folder: string): Promise<void> {
  if (!await isThere(folder) || await isThere(`${folder}/${MARK}`)) return;
  if (!(await Deno.stat(folder)).isDirectory) throw new FileError(`Cannot write pages into "${folder}": it is a file`);
  for await (const { name } of Deno.readDir(folder)) {
    throw new FileError(
      `Cannot write pages into "${folder}": it holds "${name}", which this has not written; name another folder`,
    );
  }
}

/** Prints a line. */
async function say(line: string, stream: typeof Deno.stdout | typeof Deno.stderr = Deno.stderr): Promise<void> {
  await stream.write(new TextEncoder().encode(`${line}\n`));
}

/**
 * Writes the site beside the folder, checks its links, and puts it in place of what was there.
 * @returns the number of pages
 */
async function writeSite(target: string, parts: readonly Part[], interrupt: Interrupt): Promise<number> {
  const parent = dirname(target);
  await Deno.mkdir(parent, { recursive: true });
  const made = await Deno.makeTempDir({ dir: parent, prefix: ".site-" });
  try {
    // A temporary folder is for its maker alone; pages are for whoever serves them.
    if (Deno.build.os !== "windows") await Deno.chmod(made, 0o755);
    await say("pages");
    const count = await buildPages(ROOT, made, parts);
    for (const part of parts) {
      await interrupt.check();
      await say(part.title);
      await part.write(made).catch(async (error) => {
        // Ctrl-C ends that program as well.
        await interrupt.check();
        throw error;
      });
    }
    await interrupt.check();
    const problems = await linkProblems(made);
    if (problems.length > 0) throw new Error(`Cannot write pages, their links are wrong:\n${problems.join("\n")}`);
    await Deno.writeTextFile(`${made}/${MARK}`, "");
    await interrupt.hold(async () => {
      await Deno.remove(target, { recursive: true }).catch(() => {});
      await Deno.rename(made, target);
    });
    return count;
  } finally {
    await Deno.remove(made, { recursive: true }).catch(() => {});
  }
}

async function main(words: readonly string[]): Promise<number> {
  const line = readCommandLine(SPEC, words);
  if (line === "help") {
    await say(helpText(SPEC), Deno.stdout);
    return 0;
  }
  const [out, report] = [textOf(line.values, "out"), textOf(line.values, "report")];
  if (out === undefined) throw new UsageError("site needs --out FOLDER, where the pages go");
  // Other programs write there, too, from a folder of their own.
  const target = resolve(callerPath(out));
  await checkTarget(target);
  if (report !== undefined && !await isThere(callerPath(report))) {
    throw new FileError(`Cannot show the report "${report}": there is no such file`);
  }
  const parts = [
    ...(line.values["pages-only"] === true ? [] : [API, STUDIO]),
    ...(report === undefined ? [] : [reportPart(callerPath(report))]),
  ];
  using interrupt = new Interrupt();
  const count = await writeSite(target, parts, interrupt);
  await say(`wrote ${count} pages to ${out}`, Deno.stdout);
  return 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    await say(`error: ${error instanceof Error ? error.message : String(error)}`);
    Deno.exit(error instanceof UsageError ? 2 : error instanceof InterruptedError ? INTERRUPTED_EXIT : 1);
  }
}
