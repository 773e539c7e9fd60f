/** The photos one has, for tasks of which the picture alone says too little: their commands. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { casePath } from "../io/cases.ts";
import { TINY } from "./options/materials.ts";
import { quickModel, randomModel } from "./random_model.ts";
import { commandTest, readReport, runCommand } from "./run_command.ts";

/** What every method that is true to the measurement keeps, without a network. */
const QUICK = ["--method", "pseudo-inverse", "--model", await quickModel()];

commandTest("old-photo restores a scratched, faded sepia photo at its own size, in colour", async (folder) => {
  const [photo, mask] = [casePath("old-photo/scratched-sepia.jpg"), casePath("old-photo/scratches.png")];
  const words = ["restore", photo, folder.path("o.png"), "--task", "old-photo", "--mask", mask, ...QUICK];
  const { code, stderr, stdout } = await runCommand(words);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "The gray values of the photo are restored in new colours");
  assertStringIncludes(stderr, "The photo is faded: 99 % of its gray values are from 67 to 160 of 255");
  assertStringIncludes(stdout, "5.6 % of the picture was replaced");
  const [before, known] = [await readImage(photo), await readImage(mask)];
  const after = await readImage(folder.path("o.png"), { gray: "stored" });
  assertEquals([after.width, after.height, after.channels], [64, 64, 3]);
  const { task } = readReport(folder.path("o.png")) as { task: { parameters: { scale: number } } };
  assertEquals(task.parameters.scale, 1);
  const grayOf = ({ samples }: { readonly samples: ArrayLike<number> }, pixel: number): number =>
    (samples[3 * pixel]! + samples[3 * pixel + 1]! + samples[3 * pixel + 2]!) / 3;
  known.samples.forEach((value, pixel) => {
    if (value === 0) return;
    const stretched = Math.min(255, Math.max(0, (grayOf(before, pixel) - 67) * 255 / (160 - 67)));
    const error = Math.abs(grayOf(after, pixel) - stretched);
    assert(error < 3, `pixel ${pixel}: ${grayOf(after, pixel)}, not ${stretched}`);
  });
});

commandTest("outpaint keeps the picture bit for bit and fills what is added, opaque", async (folder) => {
  const path = casePath("common/small16.png");
  const words = ["restore", path, folder.path("o.png"), "--task", "outpaint", "--left", "5", "--top", "3"];
  const { code, stderr, stdout } = await runCommand([...words, ...QUICK]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "The picture grows from 16x16 to 21x19: 36 % of the result is new");
  assertStringIncludes(stdout, "36 % of the picture was replaced");
  const [before, after] = [await readImage(path), await readImage(folder.path("o.png"))];
  assertEquals([after.width, after.height, after.alpha], [21, 19, undefined]);
  for (let row = 0; row < 16; row++) {
    const at = ((row + 3) * 21 + 5) * 3;
    assertEquals(after.samples.slice(at, at + 48), before.samples.slice(48 * row, 48 * (row + 1)));
  }
});

commandTest("hdr keeps what is not clipped, half as bright, and says where nothing is clipped", async (folder) => {
  // Values of 0 to 254 in steps of 6, and a part at 255.
  const path = folder.picture("bright.png", { sample: (x, y) => x < 5 && y < 6 ? 255 : (6 * x + y) * 2 % 252 });
  const tiny = await randomModel(folder, "tiny.safetensors", TINY);
  const line = ["--task", "hdr", "--method", "dps", "--steps", "2", "--cpu", "--model", tiny];
  const { code, stderr, stdout } = await runCommand(["restore", path, folder.path("o.png"), ...line]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "The photo is clipped: gray from level 255 of 255 (12 % of its values); these");
  assert(!stdout.includes("the measurement is not met"), stdout);
  const [before, after] = [await readImage(path), await readImage(folder.path("o.png"))];
  before.samples.forEach((value, i) => {
    const found = after.samples[i]!;
    const fits = value < 255 ? Math.abs(found - value / 2) <= 1 : found >= 127;
    assert(fits, `value ${i}: ${value} became ${found}`);
  });
  const dark = folder.picture("dark.png", { sample: (x, y) => 6 * x + 5 * y });
  const none = await runCommand(["restore", dark, folder.path("d.png"), ...line, "--strict"]);
  assertStringIncludes(none.stderr, "No value of the photo is clipped, so nothing is to be recovered");
  assertEquals(none.code, 1, none.stdout);
});
