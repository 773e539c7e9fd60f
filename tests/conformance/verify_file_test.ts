import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Row } from "../../conformance/mod.ts";
import { safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { drawnParameters, openRecorded } from "../models/recording.ts";
import { gpuTest } from "../support/gpu.ts";
import {
  goldenNames,
  goldenPath,
  having,
  recordedPath,
  rowsOf,
  rowsOfCopy,
  tensorNames,
  writeCopy,
} from "./reference_files.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Tensors that are no results: what a computation starts from, its parameters, and upstream gradients. */
const INPUTS =
  /^(model\..*|input\..*|grad\.v|noise\..*|x|x0|lq|gt|temb\.t|y|x_start|coeff_\w+\.\d+|mask|kernel(\.init)?|cg\.(A|b|x0))$|\.(x|gy|weight|bias|scale|shift|emb|\w*__\w*)$|\.(y|U|V|s|s_raw|perm|kernel|mask|A1d)$/;

gpuTest("every recorded file agrees with the engine, and every result in it has a row", async (runtime) => {
  const names = await goldenNames();
  assertEquals(names.length, 34);
  for (const name of names) {
    const path = goldenPath(name);
    const outcome = await rowsOf(path, runtime);
    assertEquals(outcome.filter(({ status }) => status === "FAILED"), [], name);
    for (const { quantity, reason } of outcome.filter(({ status }) => status === "not supported")) {
      assert(/\.gx$|^grad\.x$/.test(quantity), `${name}: ${quantity}: ${reason}`);
    }
    const compared = new Set(outcome.map(({ quantity }) => quantity));
    const results = (await tensorNames(path)).filter((tensor) =>
      name === "ops-basic" && tensor.endsWith(".y") || !INPUTS.test(tensor)
    );
    assertEquals(results.filter((tensor) => !compared.has(tensor)), [], name);
    assert(results.length >= 10, name);
  }
});

gpuTest("an altered activation, statistic or output of a network fails, and nothing else", async (runtime) => {
  const altered = ["act.middle_block", "actstat.input_blocks.1", "emb", "output"];
  const outcome = await rowsOfCopy("unet-guided-c-classcond", { alter: altered }, runtime);
  assertEquals(having("FAILED", outcome).toSorted(), altered);
});

gpuTest("an altered activation, sinusoid or output of the DDPM network fails, and nothing else", async (runtime) => {
  const altered = ["act.mid.attn_1", "actstat.down.0.downsample", "emb.sinusoid", "output"];
  const outcome = await rowsOfCopy("unet-ddpm-a-tiny", { alter: altered, metadata: { class: undefined } }, runtime);
  assertEquals(having("FAILED", outcome).toSorted(), altered);
});

gpuTest("a trajectory of the DDPM network agrees, and an altered state of it fails", async (runtime) => {
  const recorded = recordedPath("ddpm-inversion");
  assertEquals(having("ok", await rowsOf(recorded, runtime)), [
    "timesteps_seen_by_network",
    "x_t.0",
    "x_t.1",
    "x_t.2",
  ]);
  await inFolder(async (folder) => {
    const altered = await writeCopy(recorded, `${folder}/altered.safetensors`, {
      alter: ["x_t.1"],
      metadata: { weights_file: goldenPath("unet-ddpm-a-tiny") },
    });
    assertEquals(having("FAILED", await rowsOf(altered, runtime)), ["x_t.1"]);
  });
});

gpuTest("an altered state of plain sampling fails, and nothing else", async (runtime) => {
  const altered = ["reverse.x_t.4", "ddim.x_t.9", "ddpm.x_t.0"];
  const outcome = await rowsOfCopy("ssd-traj-openai-ddim-ddpm", {
    alter: altered,
    metadata: { weights_file: goldenPath("unet-guided-a-tiny") },
  }, runtime);
  assertEquals(having("FAILED", outcome).toSorted(), altered.toSorted());
  assertEquals(having("ok", outcome).length, 27);
  const noisier = await rowsOfCopy("ssd-traj-openai-ddim-ddpm", {
    keep: /^(x0|reverse\..*|ddim\..*|noise\.ddim\..*)$/,
    metadata: {
      weights_file: goldenPath("unet-guided-a-tiny"),
      config: JSON.stringify({ timestep_respacing: "10", clip_denoised: true, ddim_eta: 0.6 }),
    },
  }, runtime);
  assertEquals(having("FAILED", noisier), Array.from({ length: 10 }, (_, i) => `ddim.x_t.${i}`));
});

gpuTest("a classifier agrees, and an altered logit fails", async (runtime) => {
  await inFolder(async (folder) => {
    const recording = await openRecorded("classifier-attention");
    const weights = await drawnParameters(recording);
    const path = `${folder}/classifier.safetensors`;
    const tensors: TensorToWrite[] = [];
    for (const [file, prefix] of [[recording, ""], [weights, "model."]] as const) {
      for (const { name, shape } of file.tensors.values()) {
        tensors.push({ name: prefix + name, dtype: "F32", shape, data: await file.readFloat32(name) });
      }
    }
    await Deno.writeFile(path, await safetensorsBytes({ tensors, metadata: recording.metadata }));
    const whole = await rowsOf(path, runtime);
    assertEquals([having("FAILED", whole), having("ok", whole).length], [[], 7]);
    const altered = await writeCopy(path, `${folder}/altered.safetensors`, { alter: ["output"] });
    assertEquals(having("FAILED", await rowsOf(altered, runtime)), ["output"]);
  });
});

Deno.test("a network of a class that the models do not have is not supported", async () => {
  const outcome = await rowsOfCopy("unet-ddpm-a-tiny", { metadata: { class: "ViT" } });
  assertEquals(outcome.find(({ quantity }) => quantity === "output")!.status, "not supported");
  const weights = (await tensorNames(goldenPath("unet-ddpm-a-tiny"))).filter((name) => name.startsWith("model."));
  assert(having("unused", outcome).includes(`${weights.length} of model.*`));
  assertStringIncludes(outcome[0]!.reason!, 'no network of class "ViT"');
});

gpuTest("each of the four statistics of an activation counts, the small mean as well", async (runtime) => {
  const alterAt = Object.fromEntries([2, 0, 1, 3].map((block, index) => [`actstat.input_blocks.${block}`, index]));
  const outcome = await rowsOfCopy("unet-guided-b-noscaleshift", { alterAt }, runtime);
  assertEquals(having("FAILED", outcome).toSorted(), Object.keys(alterAt).toSorted());
});

gpuTest("an altered input of a network shows in its output", async (runtime) => {
  const outcome = await rowsOfCopy("unet-guided-c-classcond", { alter: ["input.t"] }, runtime);
  assert(having("FAILED", outcome).includes("output"));
});

gpuTest("a network file without its output, its input or a weight fails", async (runtime) => {
  const without = async (pattern: RegExp): Promise<readonly Row[]> =>
    await rowsOfCopy("unet-guided-c-classcond", { keep: pattern }, runtime);
  assertEquals(having("FAILED", await without(/^(?!output$)/)), ["output"]);
  const noInput = await without(/^(?!input\.x$)/);
  assert(having("FAILED", noInput).includes("output") && having("FAILED", noInput).includes("actstat.middle_block"));
  const noWeight = await without(/^(?!model\.out\.2\.weight$)/);
  assertStringIncludes(noWeight[0]!.reason!, "out.2.weight");
});

gpuTest("altered states and lists of a trajectory fail, and a missing draw fails all states", async (runtime) => {
  await inFolder(async (folder) => {
    const weights = "unet-guided-a-tiny";
    await Deno.copyFile(goldenPath(weights), `${folder}/${weights}.safetensors`);
    const source = goldenPath("ssd-traj-ssd-sr_average_x4");
    const altered = await writeCopy(source, `${folder}/altered.safetensors`, {
      alter: ["ssd_plus.final", "x_t.inv.1"],
      metadata: { forward_map: "[0, 137, 274, 411, 549]" },
    });
    const outcome = await rowsOf(altered, runtime);
    assertEquals(having("FAILED", outcome).toSorted(), ["forward_map", "ssd_plus.final", "x_t.inv.1"]);
    const silent = await writeCopy(source, `${folder}/silent.safetensors`, { keep: /^(?!noise\.gen\.3$)/ });
    const failed = (await rowsOf(silent, runtime)).filter(({ status }) => status === "FAILED");
    assertStringIncludes(failed.find(({ quantity }) => quantity === "ssd.final")!.reason!, '"gen.3"');
    const unfinished = await writeCopy(source, `${folder}/unfinished.safetensors`, { keep: /^(?!.*final$|ssd)/ });
    assertEquals(having("FAILED", await rowsOf(unfinished, runtime)), ["final"]);
  });
});

Deno.test("a trajectory whose weights are not there fails and names the file", async () => {
  const outcome = await rowsOfCopy("ssd-traj-ssd-colorization", {});
  const final = outcome.find(({ quantity }) => quantity === "ssd.final");
  assertEquals(final?.status, "FAILED");
  assertStringIncludes(final!.reason!, "unet-guided-a-tiny.safetensors");
});

Deno.test("a trajectory of another method is not supported, state by state", async () => {
  const metadata = { method: "MCG" };
  const outcome = await rowsOfCopy("ssd-traj-ssd-colorization", {
    keep: /^(x_t\.inv\.[01]|lq|noise.inv.0)$/,
    metadata,
  });
  assertEquals(having("not supported", outcome).toSorted(), ["x_t.inv.0", "x_t.inv.1"]);
  assertStringIncludes(outcome[0]!.reason!, '"MCG"');
});

Deno.test("altered tables and timesteps of a schedule fail, and only they", async () => {
  const altered = ["cosine.posterior_variance", "linear_f5_b25_t550.backward.timestep_map", "diffpir.sigma_f32"];
  const outcome = await rowsOfCopy("schedule-1000", { alter: altered });
  assertEquals(having("FAILED", outcome).toSorted(), altered.toSorted());
});

Deno.test("altered results of operators and operations fail, and only they", async () => {
  const operators = await rowsOfCopy("operators-32", {
    keep: /^x$|^(colorization|mask|inpainting_svd|sr_average_x4)\./,
    alter: ["colorization.project", "inpainting_svd.Ax", "sr_average_x4.pinv_y"],
    metadata: { operators: JSON.stringify({ inpainting_svd: { mask: "mask.mask" } }) },
  });
  assertEquals(having("FAILED", operators).toSorted(), [
    "colorization.project",
    "inpainting_svd.Ax",
    "sr_average_x4.pinv_y",
  ]);
  const operations = await rowsOfCopy("ops-basic", {
    keep: /^(conv1x1|softmax|silu|temb)\./,
    alter: ["conv1x1.y", "softmax.y", "temb.guided.33"],
    metadata: {
      cases: JSON.stringify({
        conv1x1: { op: "conv2d" },
        softmax: { op: "softmax" },
        silu: { op: "silu" },
        temb: { op: "timestep embedding" },
      }),
    },
  });
  assertEquals(having("FAILED", operations).toSorted(), ["conv1x1.y", "softmax.y", "temb.guided.33"]);
});

Deno.test("parts that a computation needs and results that are promised are missed by name", async () => {
  const cases = JSON.stringify({ linear: { op: "linear" }, silu: { op: "silu" }, softmax: { op: "fourier" } });
  const outcome = await rowsOfCopy("ops-basic", {
    keep: /^linear\.(x|y)$|^silu\.x$|^softmax\.|^temb\.t$/,
    metadata: { cases },
  });
  const reasons = new Map(outcome.map(({ quantity, reason }) => [quantity, reason!]));
  assertStringIncludes(reasons.get("linear.y")!, '"linear.weight"');
  assertStringIncludes(reasons.get("silu.y")!, '"silu.y"');
  assertEquals(reasons.get("softmax.y"), 'the engine has no operation "fourier"');
  assertEquals(reasons.get("temb.t"), "there is no rule for a tensor of this name");
  assertEquals(having("not supported", outcome).toSorted(), ["softmax.gx", "softmax.y", "temb.t"]);
  const masked = await rowsOfCopy("operators-32", { keep: /^x$|^mask\.(Ax|y)$/, metadata: { operators: "{}" } });
  assertStringIncludes(masked[0]!.reason!, "no mask");
});

Deno.test("a result of another shape, or one that is not finite, fails", async () => {
  const shape = await rowsOfCopy("schedule-1000", {
    keep: /^respace_10\.betas/,
    rename: { "respace_10.betas": "respace_25.betas" },
  });
  assertEquals(shape[0]!.status, "FAILED");
  assertEquals(shape[0]!.reason, "the engine gives [25], the file holds [10]");
  const spoilt = await rowsOfCopy("schedule-1000", { keep: /^linear\.betas$/, spoil: ["linear.betas"] });
  assertEquals(having("FAILED", spoilt), ["linear.betas"]);
  assertEquals(spoilt[0]!.reason, "a value is not finite");
});
