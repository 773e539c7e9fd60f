/** `deno task verify FILE...`: compares the engine with recorded numbers, one row per quantity. */
import { type FileOpener, type Row, type Status, verifyAgainst, verifyFile } from "../conformance/mod.ts";
import type { Runtime } from "../engine/mod.ts";
import { FileSource } from "../io/mod.ts";
import type { Precision } from "../models/mod.ts";
import { type Arguments, type Command } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { openRuntime, PRECISION_OPTION, precisionOf, RUNTIME_OPTIONS } from "./runtime.ts";

/** Exit codes: everything agrees, something does not, or something is not supported and all else agrees. */
const EXIT = { ok: 0, failed: 1, notSupported: 3 } as const;

const openFile: FileOpener = (path) => FileSource.open(path);

/** The command `verify`. */
export const VERIFY: Command = {
  spec: {
    name: "verify",
    summary:
      "Compares the engine on this adapter with reference files (safetensors, made by the original programs):\n" +
      "operations, networks, degradations, noise schedules and whole trajectories. Prints one row per quantity, and one\n" +
      "per input of a file that is unused: nothing that was compared depends on it.\n" +
      "With --against ORIGINAL, FILE is a converted checkpoint, whose values are compared bit by bit with the original's,\n" +
      "rounded to the type that each tensor has.\n" +
      "Exit code 0: all agree; 1: something does not, or a file cannot be read; 3: something is not supported.",
    operands: { usage: "FILE...", min: 1, max: Infinity },
    options: {
      against: {
        kind: "text",
        value: "ORIGINAL",
        help: "Compare the tensors of one checkpoint with those of the file that it was converted from",
      },
      "state-dict": {
        kind: "text",
        value: "NAME",
        help: "--against: the state dict of the original that is meant, where it has several, such as ema",
      },
      json: { kind: "flag", help: "Print one JSON object per row, and one with the counts at the end" },
      ...PRECISION_OPTION,
      ...RUNTIME_OPTIONS,
    },
    examples: [
      ["deno task verify tests/golden/*.safetensors", "compare with all reference files of the repository"],
      ["deno task verify --precision f16 unet.safetensors", "the error of a network with weights in half precision"],
      ["deno task verify --json unet.safetensors", "print the rows as JSON lines"],
      ["deno task verify --against ffhq_10m.pt ffhq.safetensors", "after deno task convert: has every value arrived"],
    ],
  },
  async run(args: Arguments): Promise<number> {
    const original = args.text("against");
    if (original !== undefined) return await runAgainst(args, original);
    if (args.has("state-dict")) throw new UsageError("--state-dict needs --against ORIGINAL");
    const runtime = await openRuntime(args);
    try {
      const output = { json: args.flag("json"), precision: precisionOf(args), print: printLine };
      return await verifyFiles(runtime, args.operands, output);
    } finally {
      runtime.destroy();
    }
  },
};

/** How networks are verified, and how rows are shown. */
export interface VerifyOptions {
  /** How the weights of networks are kept, f32 by default; what may be wrong depends on it. */
  readonly precision?: Precision;
  /** JSON lines instead of a table. */
  readonly json: boolean;
  /** Prints a line. */
  print(line: string): void;
}

/**
 * Compares files one after the other and prints their rows and a summary.
 * @param runtime where the engine runs
 * @param paths the files
 * @param options how networks are verified, and how the rows are shown
 * @returns the exit code
 */
export async function verifyFiles(
  runtime: Runtime,
  paths: readonly string[],
  { json, print, precision = "f32" }: VerifyOptions,
): Promise<number> {
  const groups = paths.map((path) => verifyFile(runtime, path, precision, openFile));
  return await printGroups(groups, { json, print, paths, adapter: runtime.description });
}

/** Compares a converted checkpoint with its original; no adapter is needed for it. */
async function runAgainst(args: Arguments, original: string): Promise<number> {
  const [converted = "", ...others] = args.operands;
  if (others.length > 0) throw new UsageError("--against takes one converted file; verify one after the other");
  if (args.has("precision")) throw new UsageError("--precision is of networks that run; leave it out with --against");
  const rows = verifyAgainst(converted, original, args.text("state-dict"), openFile);
  return await printGroups([rows], { json: args.flag("json"), print: printLine, paths: [converted] });
}

/** Prints the rows of files and a summary; returns the exit code. */
async function printGroups(
  groups: readonly AsyncIterable<Row>[],
  { json, print, paths, adapter }: Pick<VerifyOptions, "json" | "print"> & {
    readonly paths: readonly string[];
    readonly adapter?: string;
  },
): Promise<number> {
  const counts: Record<Status, number> = { ok: 0, FAILED: 0, "not supported": 0, unused: 0 };
  const fileWidth = paths.reduce((width, path) => Math.max(width, path.length), "file".length);
  if (!json) print(tableLine(["file", "quantity", "error", "limit", "status"], fileWidth, QUANTITY_WIDTH));
  for (const group of groups) {
    const rows: Row[] = [];
    for await (const row of group) {
      counts[row.status]++;
      if (json) print(JSON.stringify(row));
      else rows.push(row);
    }
    const width = rows.reduce((width, { quantity }) => Math.max(width, quantity.length), QUANTITY_WIDTH);
    for (const row of rows) print(tableLine(cells(row), fileWidth, width));
  }
  const exitCode = counts.FAILED > 0 ? EXIT.failed : counts["not supported"] > 0 ? EXIT.notSupported : EXIT.ok;
  if (json) {
    const summary = {
      files: paths.length,
      ok: counts.ok,
      failed: counts.FAILED,
      notSupported: counts["not supported"],
      unused: counts.unused,
    };
    print(JSON.stringify({ summary: { ...summary, ...(adapter === undefined ? {} : { adapter }), exitCode } }));
  } else {
    const where = adapter === undefined ? "" : `, on ${adapter}`;
    const unused = counts.unused > 0 ? `, ${counts.unused} unused` : "";
    print(`${counts.ok} ok, ${counts.FAILED} FAILED, ${counts["not supported"]} not supported${unused}${where}`);
  }
  return exitCode;
}

/** Characters that the column of quantities has at least, so that most files share one width. */
const QUANTITY_WIDTH = 52;

function cells({ file, quantity, error, limit, status, reason }: Row): readonly string[] {
  return [
    file,
    quantity,
    error === undefined ? "-" : error === 0 ? "0" : error.toExponential(1),
    limit === undefined ? "-" : limit === 0 ? "exact" : limit.toExponential(0),
    reason === undefined ? status : `${status}: ${reason}`,
  ];
}

function tableLine([file, quantity, error, limit, status]: readonly string[], ...widths: readonly number[]): string {
  return [
    file!.padEnd(widths[0]!),
    quantity!.padEnd(widths[1]!),
    error!.padStart(8),
    limit!.padStart(6),
    status,
  ].join("  ");
}

function printLine(line: string): void {
  let bytes = new TextEncoder().encode(`${line}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}
