/** Recordings of diffusers: what the library makes of a network has rows of its own. */
import { assertEquals } from "@std/assert";
import { gpuTest } from "../support/gpu.ts";
import { goldenPath, having, rowsOf, tensorNames, writeCopy } from "./reference_files.ts";

const HEADS = "diffusers-heads-tiny";
const INPUTS = ["input.x", "input.t", "grad.v", "ddim.timesteps"];

gpuTest(
  "a recording finds its weights beside it, all its results are compared, and altered ones fail",
  async (runtime) => {
    const path = goldenPath(`${HEADS}/reference`);
    const spaced = ["leading", "linspace", "trailing"].map((spacing) => `schedule.timesteps.ddim.${spacing}.10`);
    const altered = ["ddim.x_t.2", "derived.eps", "derived.x0", "schedule.alphas_cumprod_f32", ...spaced];
    const folder = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/unet`);
      const weights = "unet/diffusion_pytorch_model.fp16";
      await Deno.copyFile(goldenPath(`${HEADS}/${weights}`), `${folder}/${weights}.safetensors`);
      const rows = await rowsOf(await writeCopy(path, `${folder}/copy.safetensors`, { alter: altered }), runtime);
      assertEquals(having("FAILED", rows).toSorted(), altered);
      const results = (await tensorNames(path)).filter((name) => ![...INPUTS, ...altered].includes(name));
      assertEquals(having("ok", rows).toSorted(), results.toSorted());
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
