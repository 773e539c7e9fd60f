/** Larger pictures at their own size, with the prior that ships: some ten minutes of two cores. */
import { assert } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import { colourRaster, type Raster, resize } from "../../raster/mod.ts";
import { commandTest, runWell } from "../cli/run_command.ts";
import { casePath } from "../io/cases.ts";

const TRUTH = casePath("larger-photo/truth512.png");

/** What the prior gains over bicubic on crops of 64x64 pixels, in dB (docs/performance.md). */
const GAIN = 1.01;

async function pictureOf(path: string): Promise<Raster> {
  return colourRaster(await readImage(path));
}

/** PSNR in dB against the truth of both pictures, with 8 bits. */
async function quality({ data }: Pick<Raster, "data">): Promise<number> {
  const truth = await pictureOf(TRUTH);
  return psnr(data, truth.data, { shape: [truth.height, truth.width, truth.channels] });
}

commandTest("a noisy JPEG of 512x512 pixels is denoised at its own size to 28 dB", async (folder) => {
  const out = folder.path("out.png");
  await runWell(["restore", casePath("larger-photo/noisy512.jpg"), out, "--task", "denoise", "--size", "512"]);
  const found = await quality(await pictureOf(out));
  assert(found >= 28, `${found} dB`);
});

commandTest(
  "a picture of 128x128 pixels is enlarged at its own size as far beyond bicubic as a small one",
  async (folder) => {
    const [path, out] = [casePath("larger-photo/small128.png"), folder.path("out.png")];
    await runWell(["restore", path, out, "--task", "sr4", "--size", "512"]);
    const found = await quality(await pictureOf(out));
    const bicubic = await quality(resize(await pictureOf(path), { width: 512, height: 512 }));
    assert(found >= bicubic + GAIN, `${found} dB, bicubic ${bicubic} dB`);
  },
);
