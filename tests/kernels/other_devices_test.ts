/** The forms that kernels take on other devices than this: without subgroups, and on a graphics card. */
import { assert, assertEquals } from "@std/assert";
import { type Dispatch, type Op, ReferenceRuntime, WebGpuRuntime } from "../../engine/mod.ts";
import { conv2dOp, groupNormOp, inputGradientOp, matmulOp } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { asGraphicsCard, gpuTest, withoutSubgroups } from "../support/gpu.ts";
import { casesOfKernels, dispatchesOf, OPERATIONS } from "../support/operations.ts";
import { runExample } from "../support/run_example.ts";

const opened = new Map<GPU | undefined, Promise<WebGpuRuntime>>();

function open(gpu: GPU | undefined): Promise<WebGpuRuntime> {
  const runtime = opened.get(gpu) ?? WebGpuRuntime.open(gpu ? { gpu } : {});
  opened.set(gpu, runtime);
  return runtime;
}

/** Operations whose examples all run on a device; of others one example for each kernel does. */
const DEVICES = [
  { where: "without subgroups", gpu: withoutSubgroups, thorough: [conv2dOp, matmulOp] },
  { where: "on a graphics card", gpu: asGraphicsCard, thorough: [conv2dOp, matmulOp, groupNormOp, inputGradientOp] },
] as const;

/** Which examples of an operation run kernels there that do not run here, where the register's law runs them all. */
async function examplesOf(op: Op<unknown>, gpu: GPU, isThorough: boolean): Promise<readonly number[]> {
  const [here, there] = [await open(undefined), await open(gpu)];
  const { examples } = op.definition;
  const known = new Set(examples.flatMap((example) => dispatchesOf(here, op, example).map(({ wgsl }) => wgsl)));
  const isNew = ({ wgsl }: Dispatch): boolean => !known.has(wgsl);
  if (!isThorough) return casesOfKernels(there, op, isNew).map(({ index }) => index);
  return [...examples.keys()].filter((index) => dispatchesOf(there, op, examples[index]!).some(isNew));
}

const CASES = DEVICES.flatMap((device) => OPERATIONS.map((op) => ({ ...device, op })));

for (const { where, gpu, thorough, op } of CASES) {
  const { name } = op.definition;
  const isThorough = (thorough as readonly unknown[]).includes(op);
  gpuTest(`${name}() ${where} matches its reference`, async () => {
    const runtime = await open(gpu);
    assertEquals(runtime.features.includes("subgroups"), false);
    const examples = await examplesOf(op, gpu, isThorough);
    assert(examples.length > 0 || !isThorough);
    for (const index of examples) {
      const expected = await runExample(new ReferenceRuntime(), op, index);
      const actual = await runExample(runtime, op, index);
      actual.forEach((values, k) => assertClose(values, expected[k]!, 1e-5, `example ${index} output ${k}`));
    }
  });
}
