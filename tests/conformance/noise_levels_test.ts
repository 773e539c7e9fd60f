/** Files about networks that are told noise levels: what of them is compared, and that altered numbers fail. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { safetensorsBytes } from "../../models/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { goldenPath, having, rowsOf, rowsOfCopy, tensorNames } from "./reference_files.ts";

const CROSSED = "noise-levels/ssd-traj-edm-crossed";
const EDITING = "noise-levels/ssd-traj-edm-editing";

Deno.test("all parametrisations agree with the recorded ones, and altered ones fail", async () => {
  const path = goldenPath("parametrisations/linear");
  const results = (await tensorNames(path)).filter((name) => !["x0", "eps", "lookup.sigma"].includes(name));
  assertEquals(having("ok", await rowsOf(path)).toSorted(), results.toSorted());
  const altered = ["cm_F", "edm_c", "eps_form.RF", "lookup.t", "tau", "u", "v", "x_rf"];
  const rows = await rowsOfCopy("parametrisations/linear", { alter: altered });
  assertEquals(having("FAILED", rows).toSorted(), altered);
});

gpuTest("Heun's method on a network that predicts noise agrees with its recording", async (runtime) => {
  const config = { "edm_on_vp": { sampler: "heun", clip_denoised: true, eps_channels: 3, steps: 8 } };
  const changes = {
    keep: /^edm_on_vp\./,
    metadata: { config: JSON.stringify(config), weights_file_edm_on_vp: goldenPath("unet-guided-a-tiny") },
  };
  const names = (await tensorNames(goldenPath(CROSSED))).filter((name) => /^edm_on_vp\.(?!noise)/.test(name));
  const altered = ["edm_on_vp.denoised.0", "edm_on_vp.t", "edm_on_vp.x_t.3"];
  const rows = await rowsOfCopy(CROSSED, { ...changes, alter: altered }, runtime);
  assertEquals(having("FAILED", rows).toSorted(), altered);
  assertEquals(having("ok", rows).toSorted(), names.filter((name) => !altered.includes(name)).toSorted());
  assertEquals(rows.length, names.length);
});

gpuTest("steps along straight paths agree with their recording, on a model of diffusers", async (runtime) => {
  const flow = "noise-levels/ssd-traj-flow-euler";
  const results = (await tensorNames(goldenPath(flow))).filter((name) => !name.includes("noise"));
  const altered = ["plain.timesteps", "shift3.t", "shift3.u.0", "shift3.x_t.7"];
  // A file may name several formats of the same weights.
  const path = `${goldenPath("diffusers-heads-tiny/unet/diffusion_pytorch_model.fp16")} or .bin`;
  const rows = await rowsOfCopy(flow, { alter: altered, metadata: { "weights_file": path } }, runtime);
  assertEquals(having("FAILED", rows).toSorted(), altered);
  assertEquals(having("ok", rows).toSorted(), results.filter((name) => !altered.includes(name)).toSorted());
});

gpuTest("editing is replayed with the noise of its file, run by run", async (runtime) => {
  const config = {
    superres: { function: "iterative_superres", ts: [0, 8, 16, 24, 32, 39], steps: 40, patch: 8 },
    colorization: { function: "iterative_colorization", ts: [0, 10, 20, 30, 39], steps: 40 },
  };
  // Another network: what is measured and the levels agree, and the states do not.
  const metadata = { config: JSON.stringify(config), "weights_file": goldenPath("unet-guided-b-noscaleshift") };
  const rows = await rowsOfCopy(EDITING, { metadata }, runtime);
  const known = ["superres", "colorization"].flatMap((run) => [`${run}.measured`, `${run}.sigma_seen`]);
  assertEquals(having("ok", rows).toSorted(), known.toSorted());
  assertEquals(having("not supported", rows), []);
  const states = (await tensorNames(goldenPath(EDITING))).filter((name) => /\.(x_t\.\d|final)$/.test(name));
  assertEquals(having("FAILED", rows).toSorted(), states.toSorted());
});

Deno.test("weights are no unknown file, and an unknown kind is not supported", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const tensor = (name: string) => ({ name, dtype: "F32" as const, shape: [1], data: Float32Array.of(1) });
    const tensors = ["conv_in.weight", "conv_in.bias", "betas"].map(tensor);
    const write = async (name: string, metadata: Readonly<Record<string, string>>): Promise<string> => {
      const bytes = await safetensorsBytes({ tensors, metadata: new Map(Object.entries(metadata)) });
      await Deno.writeFile(`${folder}/${name}`, bytes);
      return `${folder}/${name}`;
    };
    const [weights] = await rowsOf(await write("weights.safetensors", { format: "pt" }));
    assertEquals([weights!.quantity, weights!.status], ["file", "unused"]);
    assertStringIncludes(weights!.reason!, "weights");
    const unknown = await rowsOf(await write("unknown.safetensors", { kind: "symphony" }));
    assertEquals(unknown.map(({ quantity, status }) => [quantity, status]), [["file", "not supported"]]);
    assert(unknown[0]!.reason!.startsWith('unknown kind "symphony"'));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
