import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseCommand } from "../../cli/arguments.ts";
import { VERIFY, verifyFiles } from "../../cli/verify.ts";
import type { Row } from "../../cli/verify/row.ts";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { drawnParameters, openRecorded } from "../models/recording.ts";
import { gpuTest } from "../support/gpu.ts";
import { type Changes, goldenNames, goldenPath, recordedPath, tensorNames, writeCopy } from "./verify_files.ts";

interface Outcome {
  readonly code: number;
  readonly rows: readonly Row[];
  readonly summary: Readonly<Record<string, unknown>>;
}

async function verify(paths: readonly string[], runtime: Runtime = new ReferenceRuntime()): Promise<Outcome> {
  const lines: string[] = [];
  const code = await verifyFiles(runtime, paths, { json: true, print: (line) => lines.push(line) });
  const objects = lines.map((line) => JSON.parse(line));
  return { code, rows: objects.slice(0, -1), summary: objects.at(-1).summary };
}

/** Quantities of the rows with one status. */
function having(status: Row["status"], { rows }: Outcome): readonly string[] {
  return rows.filter((row) => row.status === status).map(({ quantity }) => quantity);
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Verifies a changed copy of a recorded file. */
async function verifyCopy(name: string, changes: Changes, runtime?: Runtime): Promise<Outcome> {
  let outcome: Outcome | undefined;
  await inFolder(async (folder) => {
    const path = await writeCopy(goldenPath(name), `${folder}/copy.safetensors`, changes);
    outcome = await verify([path], runtime);
  });
  return outcome!;
}

/** Tensors that are no results: what a computation starts from, its parameters, and upstream gradients. */
const INPUTS =
  /^(model\..*|input\..*|grad\.v|noise\..*|x|x0|lq|gt|temb\.t|y|mask|kernel|cg\.(A|b|x0))$|\.(x|gy|weight|bias|scale|shift|emb|\w*__\w*)$|\.(y|U|V|s|s_raw|perm|kernel|mask|A1d)$/;

gpuTest("every recorded file agrees with the engine, and every result in it has a row", async (runtime) => {
  const names = await goldenNames();
  assertEquals(names.length, 23);
  for (const name of names) {
    const path = goldenPath(name);
    const outcome = await verify([path], runtime);
    assertEquals(outcome.rows.filter(({ status }) => status === "FAILED"), [], name);
    for (const { quantity, reason } of outcome.rows.filter(({ status }) => status === "not supported")) {
      assert(/\.gx$|^grad\.x$/.test(quantity), `${name}: ${quantity}: ${reason}`);
    }
    const compared = new Set(outcome.rows.map(({ quantity }) => quantity));
    const results = (await tensorNames(path)).filter((tensor) =>
      name === "ops-basic" && tensor.endsWith(".y") || !INPUTS.test(tensor)
    );
    assertEquals(results.filter((tensor) => !compared.has(tensor)), [], name);
    assert(results.length >= 10, name);
    assertEquals(outcome.code, having("not supported", outcome).length > 0 ? 3 : 0, name);
  }
});

gpuTest("an altered activation, statistic or output of a network fails, and nothing else", async (runtime) => {
  const altered = ["act.middle_block", "actstat.input_blocks.1", "emb", "output"];
  const outcome = await verifyCopy("unet-guided-c-classcond", { alter: altered }, runtime);
  assertEquals(having("FAILED", outcome).toSorted(), altered);
  assertEquals(outcome.code, 1);
});

gpuTest("an altered activation, sinusoid or output of the DDPM network fails, and nothing else", async (runtime) => {
  const altered = ["act.mid.attn_1", "actstat.down.0.downsample", "emb.sinusoid", "output"];
  const outcome = await verifyCopy("unet-ddpm-a-tiny", { alter: altered, metadata: { class: undefined } }, runtime);
  assertEquals(having("FAILED", outcome).toSorted(), altered);
});

gpuTest("a trajectory of the DDPM network agrees, and an altered state of it fails", async (runtime) => {
  const recorded = recordedPath("ddpm-inversion");
  assertEquals(having("ok", await verify([recorded], runtime)), [
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
    assertEquals(having("FAILED", await verify([altered], runtime)), ["x_t.1"]);
  });
});

gpuTest("an altered state of plain sampling fails, and nothing else", async (runtime) => {
  const altered = ["reverse.x_t.4", "ddim.x_t.9", "ddpm.x_t.0"];
  const outcome = await verifyCopy("ssd-traj-openai-ddim-ddpm", {
    alter: altered,
    metadata: { weights_file: goldenPath("unet-guided-a-tiny") },
  }, runtime);
  assertEquals(having("FAILED", outcome).toSorted(), altered.toSorted());
  assertEquals(having("ok", outcome).length, 27);
  const noisier = await verifyCopy("ssd-traj-openai-ddim-ddpm", {
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
    const whole = await verify([path], runtime);
    assertEquals([whole.code, having("ok", whole).length], [0, 7]);
    const altered = await writeCopy(path, `${folder}/altered.safetensors`, { alter: ["output"] });
    assertEquals(having("FAILED", await verify([altered], runtime)), ["output"]);
  });
});

Deno.test("a network of a class that the models do not have is not supported", async () => {
  const outcome = await verifyCopy("unet-ddpm-a-tiny", { metadata: { class: "ViT" } });
  assertEquals(outcome.rows.find(({ quantity }) => quantity === "output")!.status, "not supported");
  const weights = (await tensorNames(goldenPath("unet-ddpm-a-tiny"))).filter((name) => name.startsWith("model."));
  assert(having("unused", outcome).includes(`${weights.length} of model.*`));
  assertStringIncludes(outcome.rows[0]!.reason!, 'no network of class "ViT"');
  assertEquals(outcome.code, 3);
});

gpuTest("each of the four statistics of an activation counts, the small mean as well", async (runtime) => {
  for (const index of [0, 1, 2, 3]) {
    const alterAt = { "actstat.input_blocks.2": index };
    const outcome = await verifyCopy("unet-guided-b-noscaleshift", { alterAt }, runtime);
    assertEquals(having("FAILED", outcome), ["actstat.input_blocks.2"], `statistic ${index}`);
  }
});

gpuTest("an altered input of a network shows in its output", async (runtime) => {
  const outcome = await verifyCopy("unet-guided-c-classcond", { alter: ["input.t"] }, runtime);
  assert(having("FAILED", outcome).includes("output"));
});

gpuTest("a network file without its output, its input or a weight fails", async (runtime) => {
  const without = async (pattern: RegExp): Promise<Outcome> =>
    await verifyCopy("unet-guided-c-classcond", { keep: pattern }, runtime);
  assertEquals(having("FAILED", await without(/^(?!output$)/)), ["output"]);
  const noInput = await without(/^(?!input\.x$)/);
  assert(having("FAILED", noInput).includes("output") && having("FAILED", noInput).includes("actstat.middle_block"));
  const noWeight = await without(/^(?!model\.out\.2\.weight$)/);
  assertStringIncludes(noWeight.rows[0]!.reason!, "out.2.weight");
  assertEquals(noWeight.code, 1);
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
    const outcome = await verify([altered], runtime);
    assertEquals(having("FAILED", outcome).toSorted(), ["forward_map", "ssd_plus.final", "x_t.inv.1"]);
    const silent = await writeCopy(source, `${folder}/silent.safetensors`, { keep: /^(?!noise\.gen\.3$)/ });
    const failed = (await verify([silent], runtime)).rows.filter(({ status }) => status === "FAILED");
    assertStringIncludes(failed.find(({ quantity }) => quantity === "ssd.final")!.reason!, '"gen.3"');
    const unfinished = await writeCopy(source, `${folder}/unfinished.safetensors`, { keep: /^(?!.*final$|ssd)/ });
    assertEquals(having("FAILED", await verify([unfinished], runtime)), ["final"]);
  });
});

Deno.test("a trajectory whose weights are not there fails and names the file", async () => {
  const outcome = await verifyCopy("ssd-traj-ssd-colorization", {});
  const final = outcome.rows.find(({ quantity }) => quantity === "ssd.final");
  assertEquals(final?.status, "FAILED");
  assertStringIncludes(final!.reason!, "unet-guided-a-tiny.safetensors");
});

Deno.test("a trajectory of another method is not supported, state by state", async () => {
  const metadata = { method: "MCG" };
  const outcome = await verifyCopy("ssd-traj-ssd-colorization", {
    keep: /^(x_t\.inv\.[01]|lq|noise.inv.0)$/,
    metadata,
  });
  assertEquals(having("not supported", outcome).toSorted(), ["x_t.inv.0", "x_t.inv.1"]);
  assertStringIncludes(outcome.rows[0]!.reason!, '"MCG"');
  assertEquals(outcome.code, 3);
});

Deno.test("altered tables and timesteps of a schedule fail, and only they", async () => {
  const altered = ["cosine.posterior_variance", "linear_f5_b25_t550.backward.timestep_map", "diffpir.sigma_f32"];
  const outcome = await verifyCopy("schedule-1000", { alter: altered });
  assertEquals(having("FAILED", outcome).toSorted(), altered.toSorted());
  assertEquals(outcome.code, 1);
});

Deno.test("altered results of operators and operations fail, and only they", async () => {
  const operators = await verifyCopy("operators-32", {
    keep: /^x$|^(colorization|mask|inpainting_svd|sr_average_x4)\./,
    alter: ["colorization.project", "inpainting_svd.Ax", "sr_average_x4.pinv_y"],
    metadata: { operators: JSON.stringify({ inpainting_svd: { mask: "mask.mask" } }) },
  });
  assertEquals(having("FAILED", operators).toSorted(), [
    "colorization.project",
    "inpainting_svd.Ax",
    "sr_average_x4.pinv_y",
  ]);
  const operations = await verifyCopy("ops-basic", {
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
  const outcome = await verifyCopy("ops-basic", {
    keep: /^linear\.(x|y)$|^silu\.x$|^softmax\.|^temb\.t$/,
    metadata: { cases },
  });
  const reasons = new Map(outcome.rows.map(({ quantity, reason }) => [quantity, reason!]));
  assertStringIncludes(reasons.get("linear.y")!, '"linear.weight"');
  assertStringIncludes(reasons.get("silu.y")!, '"silu.y"');
  assertEquals(reasons.get("softmax.y"), 'the engine has no operation "fourier"');
  assertEquals(reasons.get("temb.t"), "there is no rule for a tensor of this name");
  assertEquals(having("not supported", outcome).toSorted(), ["softmax.gx", "softmax.y", "temb.t"]);
  const masked = await verifyCopy("operators-32", { keep: /^x$|^mask\.(Ax|y)$/, metadata: { operators: "{}" } });
  assertStringIncludes(masked.rows[0]!.reason!, "no mask");
});

Deno.test("files that cannot be verified are one failed row each, and the others still run", async () => {
  await inFolder(async (folder) => {
    const write = async (name: string, bytes: Uint8Array): Promise<string> => {
      await Deno.writeFile(`${folder}/${name}`, bytes);
      return `${folder}/${name}`;
    };
    const schedule = goldenPath("schedule-1000");
    const whole = await Deno.readFile(schedule);
    const keep = /^ddnm/;
    const paths = [
      `${folder}/missing.safetensors`,
      folder,
      await write("empty.safetensors", new Uint8Array()),
      await write("text.safetensors", new TextEncoder().encode("not a file of tensors at all")),
      await write("cut.safetensors", whole.subarray(0, whole.length - 100)),
      await writeCopy(schedule, `${folder}/unknown.safetensors`, { keep, metadata: { kind: "symphony" } }),
      await writeCopy(schedule, `${folder}/nameless.safetensors`, { keep, metadata: { kind: undefined } }),
      await writeCopy(schedule, `${folder}/hollow.safetensors`, { keep: /^$/ }),
      await writeCopy(schedule, `${folder}/good.safetensors`, { keep }),
    ];
    const { code, rows, summary } = await verify(paths);
    assertEquals(rows.map(({ file }) => file), paths);
    assertEquals(rows.map(({ status }) => status), [...new Array<string>(8).fill("FAILED"), "ok"]);
    for (const { quantity, reason } of rows.slice(0, -1)) assert(quantity === "file" && reason, reason);
    assertStringIncludes(rows[5]!.reason!, '"symphony"');
    assertEquals(code, 1);
    assertEquals(summary, {
      files: 9,
      ok: 1,
      failed: 8,
      notSupported: 0,
      unused: 0,
      adapter: "CPU reference",
      exitCode: 1,
    });
  });
});

Deno.test("a result of another shape, or one that is not finite, fails", async () => {
  const shape = await verifyCopy("schedule-1000", {
    keep: /^respace_10\.betas/,
    rename: { "respace_10.betas": "respace_25.betas" },
  });
  assertEquals(shape.rows[0]!.status, "FAILED");
  assertEquals(shape.rows[0]!.reason, "the engine gives [25], the file holds [10]");
  const spoilt = await verifyCopy("schedule-1000", { keep: /^linear\.betas$/, spoil: ["linear.betas"] });
  assertEquals(having("FAILED", spoilt), ["linear.betas"]);
  assertEquals(spoilt.rows[0]!.reason, "a value is not finite");
});

Deno.test("the exit code is 0 where all agree, 3 where something is not supported, 1 where something fails", async () => {
  const keep = /^ddnm/;
  assertEquals((await verifyCopy("schedule-1000", { keep })).code, 0);
  const rename = { "ddnm.alphas_cumprod_f32": "score_sde.alphas" };
  assertEquals((await verifyCopy("schedule-1000", { keep, rename })).code, 3);
  assertEquals(
    (await verifyCopy("schedule-1000", { keep: /^(ddnm|linear.betas)/, rename, alter: ["linear.betas"] })).code,
    1,
  );
});

Deno.test("the table aligns its columns and ends with the counts and the adapter", async () => {
  const lines: string[] = [];
  const path = goldenPath("schedule-1000");
  await verifyFiles(new ReferenceRuntime(), [path], { json: false, print: (line) => lines.push(line) });
  const [head, ...rows] = lines.slice(0, -1);
  const statusColumn = head!.indexOf("status");
  assertEquals(rows.filter((row) => row.slice(statusColumn) !== "ok"), []);
  assertEquals(rows.length, (await tensorNames(path)).length);
  assert(rows.every((row) => row.startsWith(path)));
  assertEquals(lines.at(-1), `${rows.length} ok, 0 FAILED, 0 not supported, on CPU reference`);
});

Deno.test("verify takes one or more files and knows its options", () => {
  const args = parseCommand(VERIFY.spec, ["a.safetensors", "b.safetensors", "--json", "--cpu"]);
  assert(args !== "help" && args.flag("json") && args.flag("cpu"));
  assertEquals(args.operands, ["a.safetensors", "b.safetensors"]);
});
