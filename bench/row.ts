/** Rows of results: one JSON object a line, each complete in itself. */
import { cpus } from "node:os";
import type { Precision } from "../models/mod.ts";
import type { GradientFigures } from "./gradients.ts";
import type { KernelFigures } from "./kernels.ts";
import type { NetworkFigures, StartTimes } from "./network.ts";

/** Where and when a row was measured. */
export interface Origin {
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Commit of the program, `-dirty` where files were changed since; `unknown` without a repository. */
  readonly commit: string;
  readonly adapter: string;
  /** Optional device features in use. */
  readonly features: readonly string[];
  /** Layers whose algorithm `tune` has stored, in rows since it exists: 0 where all take their default. */
  readonly tuned?: number;
  readonly deno: string;
  readonly os: string;
  /** What it calls itself; on Linux, in rows since it is told, with its family, model and vectors. */
  readonly cpu: string;
  readonly cpus: number;
}

/** A network at one batch and size. */
export interface NetworkRow extends Origin, NetworkFigures {
  readonly kind: "network";
  readonly network: string;
  /** How the weights were kept; rows without it have f32. */
  readonly precision?: Precision;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** A start at which the driver compiles every kernel. */
  readonly coldStartMilliseconds: StartTimes;
  /** A start at which the driver finds kernels in its cache on disk; not measured of model files. */
  readonly warmStartMilliseconds?: StartTimes;
}

/** An operation alone. */
export interface KernelRow extends Origin, KernelFigures {
  readonly kind: "kernel";
}

/** What the gradient of a network costs. */
export interface GradientRow extends Origin, GradientFigures {
  readonly kind: "gradient";
}

/** Any row. */
export type Row = NetworkRow | KernelRow | GradientRow;

/**
 * Describes this machine and program.
 * @param adapter the adapter and its features, as the engine names them, and how many layers are tuned
 */
export async function originOf(
  { adapter, features, tuned = 0 }: {
    readonly adapter: string;
    readonly features: readonly string[];
    readonly tuned?: number;
  },
): Promise<Origin> {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    commit: await currentCommit(),
    adapter,
    features,
    tuned,
    deno: Deno.version.deno,
    os: `${Deno.build.os} ${Deno.build.arch}`,
    cpu: describeProcessor(processors[0]?.model ?? "unknown", await processorFacts()),
    cpus: processors.length,
  };
}

/**
 * A processor in words: clouds call several generations by one name, and a software adapter is as fast as the vectors.
 * @param name what it calls itself
 * @param facts the text of /proc/cpuinfo, empty where there is none
 */
export function describeProcessor(name: string, facts: string): string {
  const value = (key: string): string | undefined => new RegExp(`^${key}\\s*: (.*)$`, "m").exec(facts)?.[1];
  const [family, model, flags] = ["cpu family", "model", "flags"].map(value);
  if (family === undefined || model === undefined) return name;
  const vectors = [["avx512f", "AVX-512"], ["avx2", "AVX2"]].find(([flag]) => flags?.split(" ").includes(flag!))?.[1];
  return `${name} (family ${family}, model ${model}${vectors ? `, ${vectors}` : ""})`;
}

/** Deno lets nobody but one who may do everything read it. */
async function processorFacts(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("cat", { args: ["/proc/cpuinfo"], stderr: "null" }).output();
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Changed results do not make a commit dirty: recording rows changes them. */
async function currentCommit(): Promise<string> {
  const hash = await git("rev-parse", "--short=12", "HEAD");
  if (!hash) return "unknown";
  const changes = await git("status", "--porcelain", "--", ":(top)", ":(top,exclude)bench/results");
  return changes === "" ? hash : `${hash}-dirty`;
}

async function git(...args: readonly string[]): Promise<string | undefined> {
  try {
    const folder = new URL(".", import.meta.url);
    const { success, stdout } = await new Deno.Command("git", { args: [...args], cwd: folder, stderr: "null" })
      .output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The file that holds the rows of an adapter: its name in lower case, everything but letters and digits as dashes. */
export function resultsFile(adapter: string): string {
  return `${adapter.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")}.jsonl`;
}

/** Where the rows are. */
const RESULTS = new URL("./results/", import.meta.url);

/**
 * Appends a row to the results of its adapter.
 * @param row what was measured
 * @param folder where the results are; made if it is not there
 */
export async function recordRow(row: Origin, folder: URL = RESULTS): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(new URL(resultsFile(row.adapter), folder), `${JSON.stringify(row)}\n`, { append: true });
}
