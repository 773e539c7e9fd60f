/** Races: every kernel with a barrier gives the same bits whatever numbers its invocations have. */
import { assert, assertEquals } from "@std/assert";
import { defineOp, type Dispatch, type Op, WebGpuRuntime } from "../../engine/mod.ts";
import {
  conv2dOp,
  CONVOLUTION_ALGORITHMS,
  MATMUL_ALGORITHMS,
  matmulOp,
  sampleNormOp,
  TUNABLE_ALGORITHMS,
} from "../../kernels/mod.ts";
import { asGraphicsCard, gpuTest } from "../support/gpu.ts";
import { hasBarrier, NUMBERING_NAMES, renumbered, withDispatches } from "../support/lane_permutation.ts";
import { casesOfKernels, type KernelCase, kernelOf, OPERATIONS } from "../support/operations.ts";
import { runExample } from "../support/run_example.ts";

let opened: Promise<WebGpuRuntime> | undefined;

/** This machine's adapter as a graphics card: the forms for those use workgroup memory most. */
function card(): Promise<WebGpuRuntime> {
  return opened ??= WebGpuRuntime.open({ gpu: asGraphicsCard });
}

/** Algorithms that an operation can be asked for; convolutions have the tiles of products. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  conv2d: CONVOLUTION_ALGORITHMS,
  matmul: [...MATMUL_ALGORITHMS, ...TUNABLE_ALGORITHMS.f32.matmul],
};

/** The operation with a product that fills more than half of every tile, and parts of k. */
function withLargeProduct(op: Op<unknown>): Op<unknown> {
  if (op.definition.name !== matmulOp.definition.name) return op;
  const [{ attrs }] = op.definition.examples as readonly [typeof op.definition.examples[number]];
  const plain = { ...attrs as object, bias: false, residual: false, factors: false };
  return defineOp({
    ...op.definition,
    examples: [...op.definition.examples, { inputs: [[1, 67, 36], [36, 68]], attrs: plain }],
  });
}

/** A kernel that is cut into tiles: every tile is one of its own. */
function tileOf(dispatch: Dispatch): string {
  return `${kernelOf(dispatch)} ${(dispatch.wgsl.match(/var<workgroup>.*/g) ?? []).join(" ")}`;
}

/** Examples of an operation on a runtime each, in which all its kernels with barriers occur; a text is taken once. */
function casesOf(card: WebGpuRuntime, op: Op<unknown>): readonly (KernelCase & { readonly runtime: WebGpuRuntime })[] {
  const { name } = op.definition;
  const texts = new Set<string>();
  return [undefined, ...new Set(ALGORITHMS[name])].flatMap((wish) => {
    const runtime = wish === undefined ? card : card.withPreferences({ [name]: wish });
    return casesOfKernels(runtime, op, hasBarrier, name in ALGORITHMS ? tileOf : kernelOf).flatMap((found) => {
      // The products inside convolutions are those of `matmul`.
      const own = found.dispatches.filter(({ label, wgsl }) => !texts.has(wgsl) && label.startsWith(name));
      const other = found.dispatches.filter(({ label }) => !label.startsWith(name) && !label.startsWith("matmul"));
      own.forEach(({ wgsl }) => texts.add(wgsl));
      return own.length + other.length > 0 ? [{ ...found, runtime }] : [];
    });
  });
}

/** The bits of an example under every numbering, the kernels' own first; kernels may be changed before. */
async function bitsByNumbering(
  runtime: WebGpuRuntime,
  op: Op<unknown>,
  index: number,
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

for (const registered of OPERATIONS) {
  const op = withLargeProduct(registered);
  gpuTest(`${op.definition.name}() gives the same bits in whatever order invocations run`, async () => {
    for (const { runtime, index, dispatches } of casesOf(await card(), op)) {
      const [own, ...others] = await bitsByNumbering(runtime, op, index);
      others.forEach((bits, k) => {
        const labels = dispatches.map(({ label }) => label);
        assertEquals(bits, own, `example ${index}, ${labels}, numbering "${NUMBERING_NAMES[k + 1]}"`);
      });
    }
  });
}

gpuTest("tiles that are loaded late give the same bits in whatever order invocations run", async () => {
  const runtime = (await card()).withPreferences({ matmul: "shared-64" });
  const { definition } = withLargeProduct(matmulOp as Op<unknown>);
  const op = defineOp({
    ...definition,
    lower: (call, target) => definition.lower(call, { ...target, vendor: "intel" }),
  });
  const isLate = ({ wgsl }: Dispatch): boolean => /while \(k < end\) \{\nlet /.test(wgsl);
  const cases = casesOfKernels(runtime, op, isLate);
  assert(cases.length > 0, "no tile is loaded late");
  for (const { index } of cases) {
    const [own, ...others] = await bitsByNumbering(runtime, op, index);
    others.forEach((bits) => assertEquals(bits, own, `example ${index}`));
  }
});

gpuTest("products, attention, norms, reductions and gradients have barriers on a graphics card", async () => {
  const runtime = await card();
  const names = OPERATIONS.filter((op) => casesOf(runtime, op).length > 0).map(({ definition: { name } }) => name);
  for (const name of ["matmul", "conv2d", "attention", "groupNorm", "softmax", "sumRepeats", "attentionGradient"]) {
    assert(names.includes(name), `${name} is not among ${names}`);
  }
});

/** Operations with both kinds of barriers: around tiles that a loop stages, and in a tree. Each one is needed there. */
const WITH_BARRIERS = [conv2dOp, sampleNormOp] as readonly Op<unknown>[];

const BARRIER = "workgroupBarrier();";

for (const op of WITH_BARRIERS) {
  gpuTest(`every barrier that is taken out of ${op.definition.name}() is seen`, async () => {
    const [{ runtime, index, dispatches }] = casesOf(await card(), op) as [ReturnType<typeof casesOf>[number]];
    const [{ label, ...texts }] = dispatches as readonly [Dispatch];
    const text = texts.shortWgsl ?? texts.wgsl;
    const [expected] = await bitsByNumbering(runtime, op, index);
    const places = [...text.matchAll(/workgroupBarrier\(\);/g)].map(({ index: at }) => at);
    assert(places.length >= 2, `${places.length} barriers`);
    for (const at of places) {
      const without = `${text.slice(0, at)}${text.slice(at + BARRIER.length)}`;
      const change = ({ shortWgsl: _, ...dispatch }: Dispatch): Dispatch =>
        dispatch.label === label ? { ...dispatch, wgsl: without } : dispatch;
      const bits = await bitsByNumbering(runtime, op, index, change);
      const isSeen = bits.some((found) => !equal(found, expected!));
      assert(isSeen, `${label} without the barrier at ${text.slice(at - 80, at + 80)}`);
    }
  });
}

function equal(a: readonly Uint32Array[], b: readonly Uint32Array[]): boolean {
  return a.every((words, k) => words.every((word, i) => word === b[k]![i]));
}
