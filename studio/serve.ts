/** `deno task studio`: builds the page and serves it on this machine, or with `--out FOLDER` writes it there. */
import { parseArgs } from "@std/cli/parse-args";
import { checkOption, type OptionSpec, placeholder, UsageError } from "../parameters/mod.ts";
import { buildStudio, CONTENT_POLICY, FOLDERS } from "./build.ts";

const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  out: { kind: "text", value: "FOLDER", help: "Write the page as static files for any web host, and stop" },
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

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  png: "image/png",
  safetensors: "application/octet-stream",
};

/** The file of a folder that an address names, with its headers. */
async function answer(folder: string, { method, url }: Request): Promise<Response> {
  if (method !== "GET" && method !== "HEAD") return new Response(null, { status: 405, headers: HEADERS });
  const { pathname } = new URL(url);
  const name = pathname === "/" ? "index.html" : pathname.slice(1);
  // No part of a name may lead out of the folder.
  if (!/^(\w[\w-]*\/)*\w[\w-]*\.\w+$/.test(name)) return new Response(null, { status: 404, headers: HEADERS });
  try {
    const file = await Deno.open(`${folder}/${name}`);
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    const headers = { ...HEADERS, "content-type": type };
    if (method === "GET") return new Response(file.readable, { headers });
    file.close();
    return new Response(null, { headers });
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
async function writeTo(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const made = await Deno.makeTempDir({ dir: folder, prefix: ".studio-" });
  try {
    await buildStudio(made);
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

/** The checked options of a command line, or "help". */
function optionsOf(words: readonly string[]): Readonly<Record<string, string | number>> | "help" {
  const names = Object.keys(OPTIONS);
  const refuse = (word: string | number): never => {
    throw new UsageError(`studio takes no "${word}", --out FOLDER and --port N are possible`);
  };
  const { _: operands, help, ...given } = parseArgs([...words], {
    boolean: ["help"],
    string: names,
    alias: { help: "h" },
    unknown: (word) => refuse(word),
  });
  if (help) return "help";
  if (operands.length > 0) refuse(operands[0]!);
  const texts = Object.entries(given).filter(([name, text]) => names.includes(name) && text !== undefined);
  return Object.fromEntries(texts.map(([name, text]) => [name, checkOption(name, OPTIONS[name]!, String(text))]));
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
  const options = optionsOf(words);
  if (options === "help") {
    await say(help());
    return 0;
  }
  const { out, port = 8000 } = options;
  if (out !== undefined) {
    const from = Deno.env.get("INIT_CWD") ?? Deno.cwd();
    const folder = /^([\\/]|\w:)/.test(String(out)) ? String(out) : `${from}/${out}`;
    await writeTo(folder);
    await say(`The page is in ${out}`);
    return 0;
  }
  const folder = await Deno.makeTempDir({ prefix: "studio-" });
  try {
    await buildStudio(folder);
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
