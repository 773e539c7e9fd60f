/** Comparing a network with a recording of it: inputs, output and activations of one evaluation. */
import { assert } from "@std/assert";
import type { Runtime } from "../../engine/mod.ts";
import {
  bytesByteSource,
  FAMILIES,
  type NetworkFamily,
  type NetworkPlan,
  openSafetensors,
  type SafetensorsFile,
} from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { everyChannel, readChannelsLast } from "./golden_file.ts";
import { fileOf, randomTensorsOf } from "./random_checkpoint.ts";
import { runNetwork } from "./run_network.ts";

/** The family of a class of the published programs. */
export function familyOf(name: string): NetworkFamily {
  return FAMILIES.values().find(({ classes }) => classes.includes(name))!;
}

/** The network of a recording. */
export function planOf({ metadata }: SafetensorsFile): NetworkPlan {
  const name = metadata.get("class")!;
  return familyOf(name).plan({ class: name, ...JSON.parse(metadata.get("constructor")!) });
}

/** Opens a file of tests/models/networks by name, without `.safetensors`. */
export async function openRecorded(name: string): Promise<SafetensorsFile> {
  const bytes = await Deno.readFile(new URL(`networks/${name}.safetensors`, import.meta.url));
  return await openSafetensors(bytesByteSource(bytes, `${name}.safetensors`));
}

/** The parameters of such a file, which `networks/record.py` has drawn from its seed. */
export async function drawnParameters(recording: SafetensorsFile): Promise<SafetensorsFile> {
  return await fileOf(randomTensorsOf(planOf(recording).parameters, Number(recording.metadata.get("seed"))));
}

/**
 * Runs the network of a recording and compares every `act.*`, `emb` and `output` to a relative error of 1e-5.
 * @param recording its class, constructor, inputs and results
 * @param weights the parameters; default: those under `model.` in the recording
 * @returns names of what was compared
 */
export async function assertRecording(
  runtime: Runtime,
  recording: SafetensorsFile,
  weights?: SafetensorsFile,
): Promise<readonly string[]> {
  const stride = JSON.parse(recording.metadata.get("act_select")!).channel_stride as number;
  const modules = [...recording.tensors.keys()].filter((key) => key.startsWith("act.")).map((key) => key.slice(4));
  const results = await runNetwork(runtime, {
    plan: planOf(recording),
    file: weights ?? recording,
    prefix: weights ? "" : "model.",
    x: await readChannelsLast(recording, "input.x"),
    timesteps: await recording.readFloat32("input.t"),
    ...(recording.tensors.has("input.y") ? { labels: await recording.readIntegers("input.y") } : {}),
    modules: ["emb", ...modules],
  });
  assertClose(results.get("emb")!.data, await recording.readFloat32("emb"), 1e-5, "emb");
  for (const module of modules) {
    const result = results.get(module);
    assert(result, `the network shows no "${module}"`);
    const expected = await readChannelsLast(recording, `act.${module}`);
    assertClose(everyChannel(result.data, result.shape, stride), expected.data, 1e-5, module);
  }
  const isImage = recording.tensors.get("output")!.shape.length === 4;
  const output = isImage ? (await readChannelsLast(recording, "output")).data : await recording.readFloat32("output");
  assertClose(results.get("output")!.data, output, 1e-5, "output");
  return ["emb", ...modules, "output"];
}
