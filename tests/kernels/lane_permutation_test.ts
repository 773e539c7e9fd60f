/** Races: every kernel with a barrier gives the same bits whatever numbers its invocations have. */
import { assert, assertEquals } from "@std/assert";
import { type Dispatch, elementCount, type Op, WebGpuRuntime } from "../../engine/mod.ts";
import {
  attentionOp,
  CONVOLUTION_ALGORITHMS,
  MATMUL_ALGORITHMS,
  softmaxOp,
  TUNABLE_ALGORITHMS,
} from "../../kernels/mod.ts";
import { asGraphicsCard, gpuTest } from "../support/gpu.ts";
import { hasBarrier, NUMBERING_NAMES, renumbered, withDispatches } from "../support/lane_permutation.ts";
import { OPERATIONS, planOfExample } from "../support/operations.ts";
import { runExample } from "../support/run_example.ts";

let opened: Promise<WebGpuRuntime> | undefined;

/** This machine's adapter as a graphics card: the forms for those use workgroup memory most. */
function card(): Promise<WebGpuRuntime> {
  return opened ??= WebGpuRuntime.open({ gpu: asGraphicsCard });
}

/** Algorithms that an operation can be asked for. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  conv2d: [...CONVOLUTION_ALGORITHMS, ...TUNABLE_ALGORITHMS.conv2d],
  matmul: [...MATMUL_ALGORITHMS, ...TUNABLE_ALGORITHMS.matmul],
};

/** Elements from which an example gives all invocations something to do. */
const ENOUGH_ELEMENTS = 1000;

/** An example of an operation on a runtime that computes it with barriers. */
interface Case {
  readonly runtime: WebGpuRuntime;
  readonly index: number;
  /** The dispatches with barriers. */
  readonly dispatches: readonly Dispatch[];
  readonly isTiny: boolean;
}

/** Examples of an operation in which all its kernels with barriers run; a text is taken once, whoever asked for it. */
function casesOf(card: WebGpuRuntime, op: Op<unknown>): readonly Case[] {
  const { name, examples } = op.definition;
  const texts = new Set<string>();
  return [undefined, ...new Set(ALGORITHMS[name])].flatMap((wish) => {
    const runtime = wish === undefined ? card : card.withPreferences({ [name]: wish });
    const best = new Map<string, Case>();
    for (const [index, example] of examples.entries()) {
      const dispatches = planOfExample(runtime, op, example).dispatches.filter(hasBarrier);
      const elements = example.inputs.map((input) => elementCount("data" in input ? input.shape : input));
      const next = { runtime, index, dispatches, isTiny: elements.reduce((a, b) => a + b, 0) < ENOUGH_ELEMENTS };
      for (const kernel of dispatches.map(kernelOf)) {
        const known = best.get(kernel);
        if (!known || isBetter(next, known)) best.set(kernel, next);
      }
    }
    const found = [...new Set(best.values())].filter(({ dispatches }) =>
      dispatches.some(({ wgsl }) => !texts.has(wgsl))
    );
    for (const { dispatches } of found) dispatches.forEach(({ wgsl }) => texts.add(wgsl));
    return found;
  });
}

/** What counts as one kernel: texts of one name and workgroup differ in sizes and in what is fused. */
function kernelOf({ label, wgsl }: Dispatch): string {
  return `${label} ${/@workgroup_size\([^)]*\)/.exec(wgsl)?.[0]}`;
}

/** The time to compile grows with the text, and is most of the time. */
function isBetter(next: Case, known: Case): boolean {
  const length = ({ dispatches }: Case): number =>
    dispatches.reduce((sum, { wgsl, shortWgsl = wgsl }) => sum + shortWgsl.length, 0);
  return next.isTiny === known.isTiny ? length(next) < length(known) : known.isTiny;
}

/** The bits of an example under every numbering, the kernel's own first; kernels may be changed before. */
async function bitsByNumbering(
  { runtime, index }: Pick<Case, "runtime" | "index">,
  op: Op<unknown>,
  change: (dispatch: Dispatch) => Dispatch = (dispatch) => dispatch,
): Promise<readonly (readonly Uint32Array[])[]> {
  const found: (readonly Uint32Array[])[] = [];
  for (const numbering of NUMBERING_NAMES) {
    const permuted = withDispatches(
      op,
      (dispatch) => hasBarrier(dispatch) ? renumbered(change(dispatch), numbering) : dispatch,
    );
    const outputs = await runExample(runtime, permuted, index);
    found.push(outputs.map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length)));
  }
  return found;
}

for (const op of OPERATIONS) {
  if (op.definition.alias) continue;
  const { name } = op.definition;
  gpuTest(`${name}() gives the same bits in whatever order invocations run`, async () => {
    for (const found of casesOf(await card(), op)) {
      const [own, ...others] = await bitsByNumbering(found, op);
      others.forEach((bits, k) => {
        const labels = found.dispatches.map(({ label }) => label);
        assertEquals(bits, own, `example ${found.index}, ${labels}, numbering "${NUMBERING_NAMES[k + 1]}"`);
      });
    }
  });
}
