/** What the embedded prior puts where a drawn picture is clipped. */
import { assert, assertEquals } from "@std/assert";
import { openModel, readImage } from "../../io/mod.ts";
import { colourRaster, type Raster } from "../../raster/mod.ts";
import { chooseMethod, finishPicture, preparePicture, restoreBy, settlePicture, TASKS } from "../../restoration/mod.ts";
import { casePath } from "../io/cases.ts";
import { gpuTest } from "../support/gpu.ts";

/** So many times as long as the drawn picture needs, its photo is exposed: 28 % of the values are clipped. */
const EXPOSURE = 1.6;

gpuTest(
  "highlights of a drawn picture are nearer to the truth than flat ones, never darker, and the rest is kept",
  async (runtime) => {
    const drawn = colourRaster(await readImage(casePath("common/good64.png")));
    const exposed = drawn.data.map((value) => Math.min(1, EXPOSURE * (value + 1) - 1));
    const colour: Raster = { ...drawn, data: exposed.map((value) => Math.round((value + 1) * 127.5) / 127.5 - 1) };
    const task = TASKS.get("hdr")!;
    const photo = settlePicture({ name: "sky.png", channels: 3, bitDepth: 8, colour }, task, { task: "hdr" });
    const model = await openModel(runtime);
    const method = chooseMethod({ steps: 8 }, photo.task);
    assertEquals(method.name, "ssd");
    const picture = await preparePicture(runtime, model, { ...photo, seed: 0 });
    let image: Float32Array<ArrayBuffer> | undefined;
    for await (const step of restoreBy(runtime, method, { ...picture.problem, sigmaY: 0 }, { seed: 0 })) {
      if (step.image) image = Float32Array.from(step.image.data);
    }
    const { raster: { data } } = await finishPicture(runtime, picture, image!);
    picture.problem.y.free();
    model.free();
    let [ours, flat] = [0, 0];
    data.forEach((value, i) => {
      const told = (colour.data[i]! + 1) / 2 - 1;
      if (colour.data[i]! < 1) return assert(Math.abs(value - told) < 1e-5, `${i}: ${value} instead of ${told}`);
      const truth = EXPOSURE * (drawn.data[i]! + 1) / 2 - 1;
      assert(value >= told - 1e-5, `${i}: ${value} is darker than the photo`);
      [ours, flat] = [ours + (value - truth) ** 2, flat + (told - truth) ** 2];
    });
    assert(ours < 0.8 * flat, `${ours} against ${flat}`);
  },
);
