/** Whether products on a software adapter are faster with their weights in a texture or in a buffer. */
import type { WeightForm } from "../op.ts";
import { makePlan, type Plan } from "../plan.ts";
import { readTimestamps } from "./clock.ts";
import { submit } from "./device.ts";

/** Loads of an invocation, and subgroups: a pass takes a quarter of a millisecond on two cores. */
const LOADS = 64;
const SUBGROUPS = 512;

/** Loads in one turn of the loop. */
const LOADS_EACH = 4;

/** Passes of each form, in turn: the shortest counts, as other programs only make a pass longer. */
const ROUNDS = 21;

/**
 * How many loads from a buffer a load of a texel may cost. For 8 values of k and 32 sums a product with its weights in a
 * texture loads 8 rows and 8 texels, one with its weights in a buffer 16 rows and 16 weights. Processors with slow gathers
 * take longer for a texel, which are four of them.
 */
const TEXEL_LOADS = (16 + 16 - 8) / 8;

const MEASURED = new WeakMap<GPUDevice, WeightForm>();

/** The device, and where buffers come from. */
type ProbeContext = Parameters<typeof readTimestamps>[0];

/**
 * The plan of a graph on a device; where its kernels take the faster form of weights, that is measured before.
 * @param graph simplified, without calls on constants alone
 * @param context the device
 * @throws {DeviceLimitError} if a tensor, a kernel or the scalars exceed what the device offers
 */
export async function measuredPlan(graph: Parameters<typeof makePlan>[0], context: ProbeContext): Promise<Plan> {
  const { profile, device } = context.opened;
  const known = MEASURED.get(device);
  if (known) return makePlan(graph, { ...profile, fasterWeights: known });
  const plan = makePlan(graph, profile);
  if (!plan.layers.some(({ takesFasterWeights }) => takesFasterWeights)) return plan;
  const fasterWeights = await fasterForm(context, profile.subgroupSize);
  return fasterWeights === "texture" ? plan : makePlan(graph, { ...profile, fasterWeights });
}

/**
 * Times loads in both forms, for some 10 ms after compilation, once for each device. It decides between kernels that
 * give the same bits, so that only times depend on it.
 * @param context the device
 * @param subgroupSize lanes of a subgroup
 * @returns the faster form; `texture` where the device has no timestamps
 */
export async function fasterForm(context: ProbeContext, subgroupSize: number): Promise<WeightForm> {
  const { opened: { device, features }, store } = context;
  if (!features.includes("timestamp-query")) return "texture";
  const known = MEASURED.get(device);
  if (known) return known;
  const [weight, out] = [LOADS * subgroupSize, subgroupSize].map((floats) => store.allocate(4 * floats, "probe"));
  const texture = device.createTexture({
    size: [subgroupSize, LOADS],
    format: "rgba32float",
    usage: GPUTextureUsage.TEXTURE_BINDING,
  });
  const forms = ["texture", "buffer"] as const;
  const kernels = forms.map((form) => {
    const module = device.createShaderModule({ label: `weights.${form}`, code: loadsText(form, subgroupSize) });
    const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    const bindings = [form === "texture" ? texture.createView() : { buffer: weight! }, { buffer: out! }];
    const entries = bindings.map((resource, binding) => ({ binding, resource }));
    return { pipeline, group: device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }) };
  });
  const count = 2 * forms.length * ROUNDS;
  const record = ([querySet]: readonly GPUQuerySet[], resolved: GPUBuffer): void =>
    submit(device, (encoder) => {
      for (let sample = 0; sample < forms.length * ROUNDS; sample++) {
        const { pipeline, group } = kernels[sample % forms.length]!;
        const marks = { beginningOfPassWriteIndex: 2 * sample, endOfPassWriteIndex: 2 * sample + 1 };
        const pass = encoder.beginComputePass({ timestampWrites: { querySet: querySet!, ...marks } });
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(SUBGROUPS);
        pass.end();
      }
      encoder.resolveQuerySet(querySet!, 0, count, resolved, 0);
    });
  try {
    const ticks = await readTimestamps(context, [count], 8 * count, record);
    const [sampled, loaded] = forms.map((_, form) =>
      Math.min(...Array.from({ length: ROUNDS }, (_, round) => {
        const at = 2 * (forms.length * round + form);
        return Number(ticks[at + 1]! - ticks[at]!);
      }))
    );
    const form = sampled! > TEXEL_LOADS * loaded! ? "buffer" : "texture";
    MEASURED.set(device, form);
    return form;
  } finally {
    texture.destroy();
    for (const buffer of [weight!, out!]) store.release(buffer);
  }
}

/** Every invocation adds up what it loads; neighbouring invocations load neighbouring weights. */
function loadsText(form: WeightForm, lanes: number): string {
  const sampled = form === "texture";
  const loads = Array.from(
    { length: LOADS_EACH },
    (_, load) =>
      sampled
        ? `sum += dot(textureLoad(weight, vec2u(lane, k + ${load}u), 0), vec4f(1.0));`
        : `sum += weight[(k + ${load}u) * ${lanes}u + lane];`,
  );
  return `@group(0) @binding(0) ${sampled ? "var weight: texture_2d<f32>" : "var<storage, read> weight: array<f32>"};
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
var sum = 0.0;
for (var k = 0u; k < ${LOADS}u * groups.y; k += ${LOADS_EACH}u) {
${loads.join("\n")}
}
if (sum > 0.0) { out[lane] = sum; }
}
`;
}
