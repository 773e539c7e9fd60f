/** The image classifiers whose activations LPIPS compares: VGG16 and AlexNet as torchvision publishes them. */
import { formatShape, scope, type Tensor } from "../../engine/mod.ts";
import { maxPool, relu } from "../../kernels/mod.ts";
import { convolution, convolutionParameters, type ParameterLookup } from "../layers.ts";
import type { ParameterSet } from "../weights.ts";

/** Names of the networks. */
export const PERCEPTUAL_NETWORKS = ["vgg", "alex"] as const;

/** One of `PERCEPTUAL_NETWORKS`. */
export type PerceptualNetworkName = typeof PERCEPTUAL_NETWORKS[number];

/** A network that is read after some of its rectifiers. */
export interface PerceptualNetwork {
  /** How it is called. */
  readonly name: PerceptualNetworkName;
  /** What stands before the parameters' names in the published file; the rest of the file is not used. */
  readonly prefix: string;
  /** Weights and biases of the convolutions, by their place in the published list of layers: `0.weight`. */
  readonly parameters: ParameterSet;
  /** Channels of each result of `features`. */
  readonly channels: readonly number[];
  /** Least height and width of an image. */
  readonly leastSide: number;
  /**
   * Records the network up to the last rectifier that is read.
   * @param x [N, H, W, 3], scaled as the network was trained
   * @param parameters its parameters by name
   * @returns [N, H_k, W_k, channels[k]] of each rectifier that is read
   * @throws {TypeError} if x is no batch of colour images of at least `leastSide` pixels
   */
  features(x: Tensor, parameters: ParameterLookup): readonly Tensor[];
}

/** A convolution followed by a rectifier, or a max pool. */
type Layer =
  | {
    readonly kind: "convolution";
    readonly outputs: number;
    readonly size: number;
    readonly stride: number;
    readonly padding: number;
    /** Whether the rectifier after it is read. */
    readonly isRead: boolean;
  }
  | { readonly kind: "pool"; readonly size: number };

const POOL = 2;

/** Convolutions of 3 x 3 with these numbers of channels; the last is read. */
function vggStage(...outputs: readonly number[]): readonly Layer[] {
  return outputs.map((channels, index) => ({
    kind: "convolution",
    outputs: channels,
    size: 3,
    stride: 1,
    padding: 1,
    isRead: index === outputs.length - 1,
  }));
}

const VGG_POOL: Layer = { kind: "pool", size: 2 };
const ALEX_POOL: Layer = { kind: "pool", size: 3 };

function alexLayer(outputs: number, size: number, stride: number, padding: number): Layer {
  return { kind: "convolution", outputs, size, stride, padding, isRead: true };
}

const NETWORKS: Readonly<Record<PerceptualNetworkName, { readonly layers: readonly Layer[]; leastSide: number }>> = {
  // Simonyan and Zisserman 2015, configuration D.
  vgg: {
    layers: [
      ...vggStage(64, 64),
      VGG_POOL,
      ...vggStage(128, 128),
      VGG_POOL,
      ...vggStage(256, 256, 256),
      VGG_POOL,
      ...vggStage(512, 512, 512),
      VGG_POOL,
      ...vggStage(512, 512, 512),
    ],
    leastSide: 16,
  },
  // Krizhevsky 2014, the network for one device.
  alex: {
    layers: [
      alexLayer(64, 11, 4, 2),
      ALEX_POOL,
      alexLayer(192, 5, 1, 2),
      ALEX_POOL,
      alexLayer(384, 3, 1, 1),
      alexLayer(256, 3, 1, 1),
      alexLayer(256, 3, 1, 1),
    ],
    leastSide: 31,
  },
};

/** Layers with their places in the published list, where a rectifier follows each convolution. */
function placed(layers: readonly Layer[]): readonly (readonly [place: number, layer: Layer])[] {
  let next = 0;
  return layers.map((layer) => {
    const place = next;
    next += layer.kind === "pool" ? 1 : 2;
    return [place, layer] as const;
  });
}

/**
 * A network of LPIPS. VGG16 is read after relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3, AlexNet after each of its
 * five rectifiers.
 * @param name which one
 * @param divisor all numbers of channels but the image's are divided by it, for trials; 1 is the published network
 */
export function perceptualNetwork(name: PerceptualNetworkName, divisor = 1): PerceptualNetwork {
  const { layers, leastSide } = NETWORKS[name];
  const list = placed(layers).map(([place, layer]) =>
    [place, layer.kind === "pool" ? layer : { ...layer, outputs: layer.outputs / divisor }] as const
  );
  const parameters = new Map();
  const channels: number[] = [];
  let inputs = 3;
  for (const [place, layer] of list) {
    if (layer.kind === "pool") continue;
    for (const [key, parameter] of convolutionParameters(String(place), inputs, layer.outputs, layer.size)) {
      parameters.set(key, parameter);
    }
    inputs = layer.outputs;
    if (layer.isRead) channels.push(inputs);
  }
  return {
    name,
    prefix: "features.",
    parameters,
    channels,
    leastSide,
    features(x: Tensor, lookup: ParameterLookup): readonly Tensor[] {
      const [, height = 0, width = 0, colours] = x.shape;
      if (x.shape.length !== 4 || colours !== 3 || Math.min(height, width) < leastSide) {
        throw new TypeError(
          `Cannot build the features of ${name}: x is ${formatShape(x.shape)}, [N, H, W, 3] with at least ` +
            `${leastSide} x ${leastSide} pixels is needed`,
        );
      }
      const read: Tensor[] = [];
      let image = x;
      for (const [place, layer] of list) {
        image = scope(`features.${place}`, () => {
          if (layer.kind === "pool") return maxPool(image, { size: layer.size, stride: POOL });
          const { stride, padding } = layer;
          return relu(convolution(image, String(place), lookup, { stride, padding }));
        });
        if (layer.kind === "convolution" && layer.isRead) read.push(image);
      }
      return read;
    },
  };
}
