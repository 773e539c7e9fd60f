/** `deno task studio`: builds the page and serves it on this machine, or with `--out FOLDER` writes it there. */
import { parseArgs } from "@std/cli/parse-args";
import { checkOption, type OptionSpec, placeholder, UsageError } from "../parameters/mod.ts";
import { buildStudio, CONTENT_POLICY, FOLDERS } from "./build.ts";
import { fileAnswer } from "./file_answer.ts";

const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  out: { kind: "text", value: "FOLDER", help: "Write the page as static files for any web host, and stop" },
  model: {
    kind: "text",
    value: "FILE",
    help: "Offer a checkpoint in the page's list of models; can be given several times",
  },
  port: { kind: "integer", min: 0, max: 65535, help: "Port on which it is served (8000; 0: a free one)" },
};

/** Headers of every answer: what the page may load, and that it is alone in its process. */
const HEADERS = {
  "content-security-policy": `${CONTENT_POLICY}; frame-ancestors 'none'`,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
};

/** The file of a folder that an address names, with its headers. */
async function answer(folder: string, request: Request): Promise<Response> {
  const { method, url } = request;
  if (method !== "GET" && method !== "HEAD") return new Response(null, { status: 405, headers: HEADERS });
  const { pathname } = new URL(url);
  const name = pathname === "/" ? "index.html" : pathname.slice(1);
  // No part of a name may lead out of the folder.
  if (!/^(\w[\w-]*\/)*\w[\w-]*\.\w+$/.test(name)) return new Response(null, { status: 404, headers: HEADERS });
  try {
    return await fileAnswer(request, `${folder}/${name}`, HEADERS);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Response(null, { status: 404, headers: HEADERS });
  }
}

/**
 * Serves a folder on this machine alone.
 * @param port 0: a free one
 * @returns the server; its address says the port
 */
export function serveFolder(folder: string, port: number): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, (request) => answer(folder, request));
}

/** Builds the page beside where it goes, and moves it there file by file. */
async function writeTo(folder: string, models: readonly string[]): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const made = await Deno.makeTempDir({ dir: folder, prefix: ".studio-" });
  try {
    await buildStudio(made, models);
    for (const part of FOLDERS) {
      await Deno.mkdir(`${folder}/${part}`, { recursive: true });
      for await (const { name, isFile } of Deno.readDir(`${made}/${part}`)) {
        if (isFile) await Deno.rename(`${made}/${part}/${name}`, `${folder}/${part}/${name}`);
      }
    }
  } finally {
    await Deno.remove(made, { recursive: true });
  }
}

/** The checked options of a command line with the checkpoints that are offered, or "help". */
function optionsOf(
  words: readonly string[],
): { readonly options: Readonly<Record<string, string | number>>; readonly models: readonly string[] } | "help" {
  const names = Object.keys(OPTIONS);
  const refuse = (word: string | number): never => {
    throw new UsageError(`studio takes no "${word}", --out FOLDER, --model FILE and --port N are possible`);
  };
  const { _: operands, help, model: models, ...given } = parseArgs([...words], {
    boolean: ["help"],
    string: names,
    collect: ["model"],
    alias: { help: "h" },
    unknown: (word) => refuse(word),
  });
  if (help) return "help";
  if (operands.length > 0) refuse(operands[0]!);
  const texts = Object.entries(given).filter(([name, text]) => names.includes(name) && text !== undefined);
  const checked = (name: string, text: unknown): string | number => checkOption(name, OPTIONS[name]!, String(text));
  return {
    options: Object.fromEntries(texts.map(([name, text]) => [name, checked(name, text)])),
    models: models.map((path) => located(checked("model", path))),
  };
}

/** A path as it is seen from where the command was called. */
function located(path: string | number): string {
  const from = Deno.env.get("INIT_CWD") ?? Deno.cwd();
  return /^([\\/]|\w:)/.test(String(path)) ? String(path) : `${from}/${path}`;
}

/** What the command says of itself. */
function help(): string {
  const rows = Object.entries(OPTIONS).map(([name, spec]) =>
    `  ${`--${name} ${placeholder(spec)}`.padEnd(16)}${spec.help}`
  );
  return [
    "Serves a page on this machine that restores pictures in the browser.",
    "",
    "Usage: deno task studio [options]",
    "",
    "Options:",
    ...rows,
  ].join("\n");
}

/** Prints a line. */
async function say(text: string, stream: typeof Deno.stdout | typeof Deno.stderr = Deno.stdout): Promise<void> {
  await stream.write(new TextEncoder().encode(`${text}\n`));
}

async function main(words: readonly string[]): Promise<number> {
  const given = optionsOf(words);
  if (given === "help") {
    await say(help());
    return 0;
  }
  const { options: { out, port = 8000 }, models } = given;
  if (out !== undefined) {
    await writeTo(located(out), models);
    await say(`The page is in ${out}`);
    return 0;
  }
  const folder = await Deno.makeTempDir({ prefix: "studio-" });
  try {
    // What is served from here need not be copied where the system makes links.
    await buildStudio(folder, models, (from, to) => Deno.symlink(from, to).catch(() => Deno.copyFile(from, to)));
    const server = serveFolder(folder, Number(port));
    Deno.addSignalListener("SIGINT", () => void server.shutdown());
    await say(`The studio is at http://localhost:${server.addr.port}/ until Ctrl+C stops it`);
    await server.finished;
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    await say(`error: ${error instanceof Error ? error.message : String(error)}`, Deno.stderr);
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}
