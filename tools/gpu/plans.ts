/** The plans whose kernels are looked at: two published networks, forward, with a gradient, and with weights in half precision. */
import {
  constant,
  type DType,
  type Plan,
  type PlannedDispatch,
  ShapeOnly,
  type Tensor,
  trace,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { gradient, sampleDot } from "../../kernels/mod.ts";
import {
  guidedUnet,
  type GuidedUnetConfig,
  KNOWN_CHECKPOINTS,
  noiseModel,
  noiseSchedule,
  type ParameterSet,
  planDescription,
  shapesOnly,
  type Weights,
} from "../../models/mod.ts";
import { type CardIdentity, paperCard } from "./paper_card.ts";

/** The networks by the name that commands take: the name of the published checkpoint. */
export const NETWORKS = {
  "ffhq-256": "ffhq-256",
  "imagenet-256": "imagenet-256-uncond",
} as const;

/** Name of a network. */
export type NetworkName = keyof typeof NETWORKS;

/** What is planned of a network: the noise of an image, the gradient of its dot product by the image, half weights. */
export const WAYS = ["forward", "gradient", "f16"] as const;

/** One of `WAYS`. */
export type Way = typeof WAYS[number];

/**
 * Plans one evaluation of a network at 256x256 pixels for a card; nothing is computed.
 * @param card where it would run
 */
export async function planOf(card: CardIdentity, network: NetworkName, way: Way): Promise<Plan> {
  const known = KNOWN_CHECKPOINTS.find(({ name }) => name === NETWORKS[network]);
  const { config, parameters } = planDescription(known!.description).plan;
  const runtime = await WebGpuRuntime.open({ gpu: paperCard(card) });
  try {
    const weights = way === "f16" ? halfShapes(parameters) : shapesOnly(parameters);
    const unet = guidedUnet(config as GuidedUnetConfig, weights);
    const model = noiseModel(unet, noiseSchedule("linear", 1000), {});
    const { imageSize, inChannels } = config as GuidedUnetConfig;
    const image = { shape: [1, imageSize, imageSize, inChannels], dtype: "f32" as DType };
    return runtime.plan(trace(`${network} ${way}`, way === "gradient" ? { x: image, v: image } : { x: image }, (t) => {
      const eps = model.predictEps(t["x"]!, { scalar: "timestep" });
      return { y: way === "gradient" ? gradient(sampleDot(eps, t["v"]!), [t["x"]!])[0]! : eps };
    }));
  } finally {
    runtime.destroy();
  }
}

/** The dispatches of all plans for a card: both networks in all ways. */
export async function allDispatches(card: CardIdentity): Promise<readonly PlannedDispatch[]> {
  const dispatches: PlannedDispatch[] = [];
  for (const network of Object.keys(NETWORKS) as NetworkName[]) {
    for (const way of WAYS) dispatches.push(...(await planOf(card, network, way)).dispatches);
  }
  return dispatches;
}

/** Weights without values, convolutions and matrices in half precision as `uploadWeights` keeps them. */
function halfShapes(parameters: ParameterSet): Weights {
  const whole = shapesOnly(parameters);
  const halves = new Map<string, ShapeOnly>();
  return {
    ...whole,
    constant: (name: string): Tensor => {
      const tensor = whole.constant(name);
      if (parameters.get(name)!.layout === "plain") return tensor;
      const half = halves.get(name) ?? new ShapeOnly({ shape: tensor.shape, dtype: "f16" });
      halves.set(name, half);
      return constant(half);
    },
  };
}
