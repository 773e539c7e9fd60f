/** A family of networks that is not of the project: everything about it is in this file. */
import { scope, type Tensor } from "../../engine/mod.ts";
import { conv2d, linear, silu } from "../../kernels/mod.ts";
import {
  ddpmTimestepTable,
  type Description,
  type NetworkConfig,
  type NetworkFamily,
  networkFamily,
  type OpenQuestion,
  type Parameter,
} from "../../models/mod.ts";
import { choice, flag, integer, required } from "../../parameters/mod.ts";

/** What its tensors leave open. */
const ANSWERS = { clock: choice(undefined, ["seen", "unseen"], {}, "Whether the network sees the timestep") };

interface TwoLayerConfig extends NetworkConfig {
  readonly timed: boolean;
}

/** Two convolutions, with the embedding of the timestep between them. */
export const twoLayers: NetworkFamily<TwoLayerConfig, typeof ANSWERS> = networkFamily({
  name: "two-layers",
  about: "two convolutions",
  paper: "none",
  predicts: "noise",
  parameters: {
    image_size: required(integer(undefined, { min: 1 }, "side of the training images")),
    in_channels: integer(3, { min: 1 }, "channels of the image"),
    width: required(integer(undefined, { min: 4 }, "channels between the convolutions")),
    timed: flag(true, {}, "whether the embedding of the timestep is added"),
  },
  answers: ANSWERS,
  *detect(tensors): Generator<Description, void> {
    const [width, channels] = tensors.get("first.weight") ?? [];
    if (width !== undefined && tensors.has("second.weight")) yield { in_channels: channels, width };
  },
  describe: ({ clock }) => clock === undefined ? {} : { timed: clock === "seen" },
  *questions({ timed }): Generator<OpenQuestion, void> {
    if (timed === undefined) {
      yield { options: ["clock"], what: "whether it sees the timestep", choices: "seen or unseen" };
    }
  },
  configure: ({ image_size, in_channels, width, timed }) => ({
    imageSize: image_size,
    inChannels: in_channels,
    outChannels: in_channels,
    modelChannels: width,
    timed,
  }),
  layout: ({ inChannels, modelChannels }) => ({
    downsampling: 1,
    parameters: new Map<string, Parameter>([
      ["first.weight", { shape: [modelChannels, inChannels, 3, 3], layout: "convolution" }],
      ["first.bias", { shape: [modelChannels], layout: "plain" }],
      ["time.weight", { shape: [modelChannels, modelChannels], layout: "matrix" }],
      ["time.bias", { shape: [modelChannels], layout: "plain" }],
      ["second.weight", { shape: [inChannels, modelChannels, 3, 3], layout: "convolution" }],
      ["second.bias", { shape: [inChannels], layout: "plain" }],
    ]),
  }),
  timestepTable: ddpmTimestepTable,
  build: ({ timed }, weights) => (x, { timestepRows }) => {
    const named = (name: string): Tensor => weights.constant(name);
    const time = linear(timestepRows, named("time.weight"), named("time.bias"));
    const shift = timed ? { shift: { tensor: time, at: 0 } } : {};
    const hidden = scope(
      "first",
      () => conv2d(x, named("first.weight"), { padding: 1, bias: named("first.bias"), ...shift }),
    );
    return scope(
      "second",
      () => conv2d(silu(hidden), named("second.weight"), { padding: 1, bias: named("second.bias") }),
    );
  },
});
