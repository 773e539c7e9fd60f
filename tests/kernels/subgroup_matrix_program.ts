/**
 * A program that computes by subgroup matrices on Dawn what its arguments name, `OPERATION:EXAMPLE` or `extremes`, and
 * prints a line of JSON for each; or one with the reason why it cannot. It is one of its own, as a thread that ends
 * with Dawn in it ends its process.
 */
import { type Op, ReferenceRuntime, SUBGROUP_MATRIX_FEATURE, WebGpuRuntime } from "../../engine/mod.ts";
import { openDawn } from "../../io/mod.ts";
import { attentionOp, conv2dOp, matmul, matmulOp } from "../../kernels/mod.ts";
import { relativeError } from "../support/close.ts";
import { runExample } from "../support/run_example.ts";
import { runOnce, values } from "./run_once.ts";

/** What the program prints. */
export type MatrixLine =
  | { readonly skipped: string }
  | { readonly name: string; readonly errors: readonly number[]; readonly labels: readonly string[] }
  | { readonly name: "extremes"; readonly clamped: readonly number[]; readonly areFinite: boolean };

const OPERATIONS: Readonly<Record<string, Op<unknown>>> = Object.fromEntries(
  ([matmulOp, conv2dOp, attentionOp] as readonly Op<unknown>[]).map((op) => [op.definition.name, op]),
);

async function open(): Promise<WebGpuRuntime | string> {
  try {
    const preferences = { conv2d: "matrix-f16", matmul: "matrix-f16", attention: "matrix-f16" };
    const runtime = await WebGpuRuntime.open({ gpu: await openDawn(), preferences });
    return runtime.features.includes(SUBGROUP_MATRIX_FEATURE)
      ? runtime
      : `${runtime.description} has no subgroup matrices`;
  } catch (error) {
    return (error as Error).message;
  }
}

async function example(runtime: WebGpuRuntime, name: string): Promise<MatrixLine> {
  const [operation = "", index] = name.split(":");
  const op = OPERATIONS[operation]!;
  const expected = await runExample(new ReferenceRuntime(), op, Number(index));
  const actual = await runExample(runtime, op, Number(index));
  const labels = runtime.statistics().plans.get(operation)?.dispatches.map(({ label }) => label) ?? [];
  return { name, errors: actual.map((found, k) => relativeError(found, expected[k]!)), labels };
}

/** Factors that half precision cannot hold, and infinities where the second matrix begins after the first. */
async function extremes(runtime: WebGpuRuntime): Promise<MatrixLine> {
  const a = values([2, 20, 33], 1, () => 0);
  const b = values([2, 33, 36], 2, () => 0.5);
  for (let row = 0; row < 20; row++) a.data[33 * row] = row % 2 === 0 ? 1e6 : -1e6;
  b.data.fill(Infinity, 33 * 36);
  const y = await runOnce(runtime, [a, b], (a, b) => matmul(a!, b!));
  return {
    name: "extremes",
    clamped: [y[1]!, y[36 + 1]!],
    areFinite: y.subarray(0, 20 * 36).every(Number.isFinite),
  };
}

async function print(line: MatrixLine): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}

if (import.meta.main) {
  const runtime = await open();
  if (typeof runtime === "string") {
    await print({ skipped: runtime });
    Deno.exit(0);
  }
  const all = Object.entries(OPERATIONS).flatMap(([name, { definition: { examples } }]) =>
    [...examples.keys()].map((index) => `${name}:${index}`)
  );
  for (const name of Deno.args.length > 0 ? Deno.args : [...all, "extremes"]) {
    await print(name === "extremes" ? await extremes(runtime) : await example(runtime, name));
  }
  Deno.exit(0);
}
