/** The pictures and networks that command lines of the tables name, as small as they can be. */
// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
import { type Description, planDescription, safetensorsBytes, type TensorToWrite } from "../../../models/mod.ts";
import { SMALL_CLASSIFIER } from "../../models/described_networks.ts";
import { randomTensorsOf } from "../../models/random_checkpoint.ts";
import { randomValues } from "../../support/random.ts";
import { BY_CLASS, randomModel } from "../random_model.ts";
import type { Folder } from "../run_command.ts";

const { num_classes: _, ...unconditional } = BY_CLASS;

/** A network of one level with an attention of two heads, for pictures of 8 x 8. */
export const TINY: Description = {
  ...unconditional,
  image_size: 8,
  channel_mult: [1],
  attention_resolutions: [1],
  num_head_channels: 16,
  resblock_updown: false,
  use_new_attention_order: false,
  noise_schedule: "linear",
  diffusion_steps: 1000,
  value_range: [-1, 1],
};

/** What must be said of it where the file does not. */
export const TINY_ANSWERS: Readonly<Record<string, string>> = {
  "image-size": "8",
  "head-channels": "16",
  "attention-order": "legacy",
  schedule: "linear",
  "diffusion-steps": "1000",
  "value-range": "-1..1",
};

/** For each option an answer that is not that of `TINY_ANSWERS`, and how a file says the same. */
export const OTHER_ANSWERS: Readonly<Record<string, { readonly value: string; readonly said: Partial<Description> }>> =
  {
    "image-size": { value: "16", said: { image_size: 16 } },
    "head-channels": { value: "8", said: { num_head_channels: 8 } },
    heads: { value: "1", said: { num_head_channels: -1, num_heads: 1 } },
    "attention-order": { value: "new", said: { use_new_attention_order: true } },
    "prediction-type": { value: "v_prediction", said: { prediction_type: "v_prediction" } },
    schedule: { value: "cosine", said: { noise_schedule: "cosine" } },
    "diffusion-steps": { value: "2000", said: { diffusion_steps: 2000 } },
    "value-range": { value: "0..1", said: { value_range: [0, 1] } },
  };

/** The files of a table. */
export interface Materials {
  readonly folder: Folder;
  /** What is done after the last row, such as closing a server. */
  readonly later: (() => Promise<void>)[];
  /** A picture of 4 x 4 pixels, and another one. */
  readonly small: string;
  readonly other: string;
  /** A picture of 16 x 16 pixels. */
  readonly large: string;
  /** `TINY`; with five classes; as an upsampler from 4 x 4. */
  readonly tiny: string;
  readonly byClass: string;
  readonly upsampler: string;
  /** The same without the size that it enlarges from. */
  readonly unscaled: string;
  /** `TINY` in a file that does not say what it is. */
  readonly bare: string;
  /** `TINY` in files that say another thing each, by the option that says it of `bare`. */
  readonly saying: Readonly<Record<string, string>>;
  /** Files that can be read two ways: with or without a low-resolution image, of two or three levels. */
  readonly sixChannels: string;
  readonly evenClassifier: string;
  /** `TINY` with a weight that is no number. */
  readonly broken: string;
  /** Networks of blurs: one that does nothing, one of 3x3 convolutions, and one whose values leave the range of numbers. */
  readonly identity: string;
  readonly convolving: string;
  readonly overflow: string;
}

/** Writes the files. */
export async function makeMaterials(folder: Folder): Promise<Materials> {
  const wave = (shift: number) => (x: number, y: number, c: number): number =>
    Math.round(128 + 90 * Math.sin(1.3 * x + shift + c) * Math.cos(0.9 * y - shift));
  return {
    folder,
    later: [],
    small: folder.picture("small.png", { width: 4, height: 4, sample: wave(0) }),
    other: folder.picture("other.png", { width: 4, height: 4, sample: wave(2) }),
    large: folder.picture("large.png", { width: 16, height: 16 }),
    tiny: await randomModel(folder, "tiny.safetensors", TINY),
    byClass: await randomModel(folder, "by-class.safetensors", { ...TINY, num_classes: 5 }),
    upsampler: await randomModel(folder, "upsampler.safetensors", {
      ...TINY,
      class: "SuperResModel",
      small_size: 4,
      num_classes: null,
    }),
    unscaled: await randomModel(folder, "unscaled.safetensors", { ...TINY, class: "SuperResModel", num_classes: null }),
    bare: await bareModel(folder, "bare.safetensors", TINY),
    saying: Object.fromEntries(
      await Promise.all(
        Object.entries(OTHER_ANSWERS).map(async ([option, { said }]) =>
          [
            option,
            await randomModel(folder, `saying-${option}.safetensors`, { ...TINY, ...said } as Description),
          ] as const
        ),
      ),
    ),
    sixChannels: await bareModel(folder, "six.safetensors", { ...TINY, in_channels: 6, learn_sigma: false }),
    evenClassifier: await bareModel(folder, "even.safetensors", {
      ...SMALL_CLASSIFIER,
      image_size: 8,
      channel_mult: [1, 1],
      num_res_blocks: 2,
      attention_resolutions: [],
      pool: "adaptive",
    }),
    broken: await brokenModel(folder),
    identity: await blurNetwork(folder, "identity.safetensors", 1, 1),
    convolving: await writeTensors(
      folder,
      "convolving.safetensors",
      [[32, 3], [32, 32], [3, 32]].map(([outputs = 0, inputs = 0], layer): TensorToWrite => ({
        name: `layers.${layer}.weight`,
        dtype: "F32",
        shape: [outputs, inputs, 3, 3],
        data: randomValues(9 * outputs * inputs, layer + 1).map((value) => value / Math.sqrt(9 * inputs)),
      })),
    ),
    overflow: await blurNetwork(folder, "overflow.safetensors", 3e38, 2),
  };
}

/** Convolutions of one pixel that multiply each channel. */
async function blurNetwork(folder: Folder, name: string, factor: number, layers: number): Promise<string> {
  return await writeTensors(
    folder,
    name,
    Array.from({ length: layers }, (_, layer): TensorToWrite => ({
      name: `layers.${layer}.weight`,
      dtype: "F32",
      shape: [3, 3, 1, 1],
      data: Float32Array.from({ length: 9 }, (_, i) => i % 4 === 0 ? factor : 0),
    })),
  );
}

async function brokenModel(folder: Folder): Promise<string> {
  const tensors = randomTensorsOf(planDescription(TINY).plan.parameters, 1);
  const bias = tensors.find(({ name }) => name === "middle_block.0.in_layers.2.bias")!;
  (bias.data as Float32Array)[0] = NaN;
  const metadata = new Map([["config", JSON.stringify(TINY)]]);
  return folder.write("broken.safetensors", await safetensorsBytes({ tensors, metadata }));
}

/** Writes a network into a file that does not say what it is; numbers are those of `randomModel`. */
export async function bareModel(folder: Folder, name: string, description: Description): Promise<string> {
  return await writeTensors(folder, name, randomTensorsOf(planDescription(description).plan.parameters, 1));
}

/** Writes a safetensors file and returns its path. */
export async function writeTensors(folder: Folder, name: string, tensors: readonly TensorToWrite[]): Promise<string> {
  return folder.write(name, await safetensorsBytes({ tensors, metadata: new Map() }));
}
