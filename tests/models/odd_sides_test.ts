import { assertEquals } from "@std/assert";
import { constant, hostTensor, ReferenceRuntime, type Runtime, type Tensor } from "../../engine/mod.ts";
import { type Features, gradient, sampleDot } from "../../kernels/mod.ts";
import { ddpmDownsample } from "../../models/ddpm/blocks.ts";
import { convolutionParameters, type ParameterLookup } from "../../models/layers.ts";
import { downsample, embeddingProjections, residualBlock, residualBlockParameters } from "../../models/unet_blocks.ts";
import { type ParameterSet, repackParameter, withStatistics } from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { readChannelsLast } from "./golden_file.ts";
import { randomTensorsOf } from "./random_checkpoint.ts";
import { openRecorded } from "./recording.ts";

/** A block of `networks/record_odd_sides.py`. */
interface Block {
  readonly parameters: ParameterSet;
  record(features: Features, emb: Tensor, parameters: ParameterLookup): Features;
}

/** The residual block that halves 32 channels. */
function residual(outputChannels: number, scaleShiftNorm: boolean): Block {
  return {
    parameters: new Map(
      residualBlockParameters({ inputChannels: 32, outputChannels, embeddingChannels: 16, scaleShiftNorm }),
    ),
    record(features, emb, parameters): Features {
      const condition = embeddingProjections(emb, ["emb_layers.1"], parameters).get("emb_layers.1")!;
      return residualBlock([features], condition, parameters, { outputChannels, scaleShiftNorm, resample: "down" });
    },
  };
}

const BLOCKS: ReadonlyMap<string, Block> = new Map([
  ["residual", residual(32, false)],
  ["residual_wider", residual(64, true)],
  ["convolved", {
    parameters: new Map(convolutionParameters("op", 32, 32, 3)),
    record: (features, _emb, parameters) => downsample(features, parameters, true),
  }],
  ["pooled", {
    parameters: new Map(),
    record: (features, _emb, parameters) => downsample(features, parameters, false),
  }],
  ["ddpm_convolved", {
    parameters: new Map(convolutionParameters("conv", 32, 32, 3)),
    record: (features, _emb, parameters) => ddpmDownsample(features, parameters, true),
  }],
  ["ddpm_pooled", {
    parameters: new Map(),
    record: (features, _emb, parameters) => ddpmDownsample(features, parameters, false),
  }],
]);

for (const [name, block] of BLOCKS) {
  const check = async (runtime: Runtime): Promise<void> => {
    const file = await openRecorded("odd-sides");
    assertEquals(JSON.parse(file.metadata.get("blocks")!), [...BLOCKS.keys()]);
    const { parameters } = block;
    const values = new Map(
      randomTensorsOf(parameters, Number(file.metadata.get("seed"))).map(({ name, data }) => {
        const packed = repackParameter(data as Float32Array, parameters.get(name)!);
        return [name, hostTensor(packed.data, packed.shape)];
      }),
    );
    const lookUp: ParameterLookup = (name) => constant(values.get(name)!);
    const stage = runtime.stage("block", ({ x, emb, gy }) => {
      const { x: y } = block.record(withStatistics(x!), emb!, lookUp);
      const [gx] = gradient(sampleDot(y, gy!), [x!]);
      return { y, gx: gx! };
    });
    const [x, y, gy, gx] = await Promise.all(
      ["x", "y", "gy", "gx"].map((field) => readChannelsLast(file, `${name}.${field}`)),
    );
    const found = await stage({
      x: runtime.upload(x!.data, x!.shape),
      emb: runtime.upload(await file.readFloat32(`${name}.emb`), [2, 16]),
      gy: runtime.upload(gy!.data, gy!.shape),
    }, {});
    assertEquals(found.y.shape, y!.shape);
    assertClose(await found.y.read(), y!.data, 1e-5, "y");
    assertClose(await found.gx.read(), gx!.data, 1e-5, "gradient");
  };
  gpuTest(`the block ${name} makes of odd sides what PyTorch makes, also backwards`, check);
  Deno.test(`the block ${name} makes of odd sides what PyTorch makes, on the CPU`, () => check(new ReferenceRuntime()));
}
