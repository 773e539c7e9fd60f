/** The rules about rooms, arrows and files, as functions from the text of all files to a list of violations. */

/** Path (relative to the repository, with slashes) to text. */
export type Files = ReadonlyMap<string, string>;

/** One import or re-export. */
export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface Room {
  /** Rooms it may import. */
  readonly imports: readonly string[];
  /** Rooms of which it may import types only. */
  readonly types: readonly string[];
  /** Whether a browser must be able to load it: neither packages nor the name `Deno`. */
  readonly browser: boolean;
  /** The only packages that it may use; by default any where no browser loads it, and none where one does. */
  readonly packages?: RegExp;
  /** Files of a room for browsers that Deno runs. */
  readonly programs?: readonly string[];
}

const NETWORKS_AND_METHODS = ["metrics", "samplers", "operators", "models", "kernels", "engine", "parameters"];

const LIBRARY = ["restoration", "raster", ...NETWORKS_AND_METHODS];

const ROOMS: Readonly<Record<string, Room>> = {
  report: { imports: [], types: [], browser: true },
  parameters: { imports: [], types: [], browser: true },
  raster: { imports: [], types: [], browser: true },
  engine: { imports: [], types: [], browser: true },
  kernels: { imports: ["engine"], types: [], browser: true },
  models: { imports: ["parameters", "kernels", "engine"], types: [], browser: true },
  operators: { imports: ["parameters", "kernels", "engine"], types: [], browser: true },
  samplers: { imports: ["parameters", "operators", "kernels", "engine"], types: ["models"], browser: true },
  metrics: { imports: ["models", "operators", "kernels", "engine"], types: [], browser: true },
  restoration: {
    imports: ["raster", ...NETWORKS_AND_METHODS],
    types: [],
    browser: true,
  },
  evaluation: { imports: ["report", ...LIBRARY], types: [], browser: true },
  profiling: { imports: ["report", ...LIBRARY], types: [], browser: true },
  conformance: { imports: NETWORKS_AND_METHODS, types: [], browser: true },
  adapter: { imports: ["engine"], types: [], browser: false },
  io: { imports: ["models", "raster", "parameters", "engine"], types: ["operators"], browser: false },
  distribution: {
    imports: ["io", "evaluation", ...LIBRARY],
    types: [],
    browser: false,
    packages: /^(@nats-io\/(jetstream|obj|transport-node)|valibot)$/,
  },
  cli: {
    imports: ["adapter", "bench", "distribution", "io", "conformance", "evaluation", "profiling", "report", ...LIBRARY],
    types: [],
    browser: false,
  },
  studio: {
    imports: ["conformance", "profiling", ...LIBRARY],
    types: [],
    browser: true,
    packages: /^(comlink|preact(\/hooks)?|@preact\/signals|@noble\/hashes\/\w+\.js|@std\/cli\/parse-args)$/,
    programs: [
      "studio/build.ts",
      "studio/file_answer.ts",
      "studio/models/offer.ts",
      "studio/offline/write_worker.ts",
      "studio/serve.ts",
    ],
  },
  bench: { imports: ["io", "conformance", "profiling", "report", ...LIBRARY], types: [], browser: false },
  package: { imports: ["bench", "cli", "io", "parameters"], types: [], browser: false },
  tools: { imports: ["io", ...LIBRARY], types: [], browser: false },
  "": { imports: ["io", ...LIBRARY], types: [], browser: true },
  examples: { imports: [], types: [], browser: false, packages: /^@shortcut\/shortcut(\/\w+)?$/ },
};

/** Folders of code that no room may import and that may import anything. */
const OUTSIDE = ["tests", "compat"];

/** The longest that a file may be. */
const MAX_LINES = 400;

const IMPORT =
  /(?:^|[;\n])\s*(import|export)(?:\s+(type)\b)?(?:\s*((?:[\w$*]+\s*,?\s*)?(?:\{[^}]*\}|\*\s*as\s+[\w$]+|\*)?)\s*from)?\s*(["'])([^"'\n]+)\4/g;
const DYNAMIC_IMPORT = /\bimport\(\s*(["'])([^"'\n]+)\1\s*\)/g;
const MACHINE_PATH = /(?<![\w.~/])\/(?:work|home|root|tmp|mnt|Users)\/\w/;
const DENO = /\bDeno(?:\??\.\w|\[)/;

/** Every static and dynamic import and re-export in the text of a module. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const imports: Import[] = [];
  for (const match of code.matchAll(IMPORT)) {
    const names = /\{([^}]*)\}/.exec(match[3] ?? "")?.[1]?.split(",").map((name) => name.trim()).filter(Boolean);
    const allTypes = names !== undefined && names.length > 0 && names.every((name) => name.startsWith("type ")) &&
      match[3]!.trim().startsWith("{");
    imports.push({ specifier: match[5]!, typeOnly: match[2] === "type" || allTypes });
  }
  for (const match of code.matchAll(DYNAMIC_IMPORT)) imports.push({ specifier: match[2]!, typeOnly: false });
  return imports;
}

/** The text with block comments and lines that are only a comment blanked; line numbers stay. */
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\*[^]*?\*\//gm, (comment) => comment.replace(/[^\n]/g, " ")).replace(
    /^[ \t]*\/\/.*$/gm,
    "",
  );
}

function roomOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function isModule(path: string): boolean {
  return /\.(ts|tsx|js|mjs)$/.test(path);
}

/** Imports that go up, sideways, past a `mod.ts`, or out of a room that a browser must be able to load. */
export function arrowViolations(files: Files): string[] {
  const violations: string[] = [];
  for (const [path, text] of files) {
    const room = roomOf(path);
    if (!isModule(path) || OUTSIDE.includes(room)) continue;
    const rule = ROOMS[room];
    if (rule === undefined) {
      violations.push(`${path}: "${room}" is no room`);
      continue;
    }
    for (const { specifier, typeOnly } of importsOf(text)) {
      if (!specifier.startsWith(".")) {
        if (rule.packages?.test(specifier) === false) violations.push(`${path}: may not import "${specifier}"`);
        else if (rule.browser && !rule.packages) {
          violations.push(`${path}: imports "${specifier}", a browser cannot load it`);
        }
        continue;
      }
      const target = resolve(path, specifier);
      const other = roomOf(target);
      // The settings are data, which a browser would load wholly.
      if (other === room || (target === "deno.json" && !rule.browser)) continue;
      if (rule.types.includes(other) && !typeOnly) violations.push(`${path}: may import types only from ${other}`);
      else if (!rule.types.includes(other) && !rule.imports.includes(other)) {
        violations.push(`${path}: may not import ${other} ("${specifier}")`);
      } else if (target !== `${other}/mod.ts`) violations.push(`${path}: enters ${other} through "${specifier}"`);
    }
  }
  return violations;
}

/** Cycles of imports inside a room, each with its path; type imports count. */
export function cycleViolations(files: Files): string[] {
  const violations: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      violations.push(`cycle: ${[...trail.slice(start), path].join(" -> ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const { specifier } of importsOf(files.get(path) ?? "")) {
      const target = resolve(path, specifier);
      if (specifier.startsWith(".") && roomOf(target) === roomOf(path)) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of files.keys()) if (isModule(path) && roomOf(path) in ROOMS) visit(path, []);
  return violations;
}

/** Modules of more than 400 lines. */
export function lengthViolations(files: Files): string[] {
  return [...files].filter(([path]) => isModule(path)).flatMap(([path, text]) => {
    const lines = text.replace(/\n$/, "").split("\n").length;
    return lines > MAX_LINES ? [`${path}: ${lines} lines, at most ${MAX_LINES}`] : [];
  });
}

/** Modules of the library that name `Deno`. */
export function denoViolations(files: Files): string[] {
  return [...files].filter(([path, text]) => {
    const room = ROOMS[roomOf(path)];
    return room?.browser && !room.programs?.includes(path) && DENO.test(withoutComments(text));
  }).map(([path]) => `${path}: names Deno`);
}

/** Lines that hold an absolute path of somebody's machine. */
export function machinePathViolations(files: Files): string[] {
  return [...files].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, i) => MACHINE_PATH.test(line) ? [`${path}:${i + 1}: machine path`] : [])
  );
}

/** Whether a file with settings or a page is ours: elsewhere they are results, which name files of whoever made them. */
function isOurs(path: string): boolean {
  const folder = path.split("/")[0]!;
  return /^deno[\w.]*\.json$/.test(path) || folder in ROOMS ||
    [...OUTSIDE, "docs", ".ci"].includes(folder);
}

/** All texts of the repository that somebody wrote by hand: code, documents and settings. `root` ends with a slash. */
export async function readRepository(root = new URL("../../", import.meta.url)): Promise<Files> {
  const files = new Map<string, string>();
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
      const path = folder + name;
      if (isDirectory) {
        if (!/^(\.git|node_modules|coverage|out|shared)$/.test(path)) await walk(`${path}/`);
      } else if (
        isModule(path) || /\.(md|sh)$/.test(path) || path === ".ci/run" ||
        /\.(json|html|css)$/.test(path) && isOurs(path)
      ) {
        files.set(path, await Deno.readTextFile(new URL(path, root)));
      }
    }
  };
  await walk("");
  return files;
}
