import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { FileError, readImage, readKernel } from "../../io/mod.ts";
import { reducedKernel } from "../../restoration/mod.ts";
import { readMeasurement } from "../../cli/source.ts";
import type { HostTensor } from "../../engine/mod.ts";
import { commandTest, runCommand, runWell, withFolder } from "./run_command.ts";

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

Deno.test("a kernel is read from a text or a picture and scaled to sum 1", () =>
  withFolder(async (folder) => {
    const written = await readKernel(folder.write("k.txt", text("# a blur\n 0, 1;2\n\n1 3 1\r\n0 0 0e3\n")));
    assertEquals(written.shape, [3, 3]);
    assertEquals(Array.from(written.data, (tap) => Math.round(8 * tap)), [0, 1, 2, 1, 3, 1, 0, 0, 0]);
    const drawn = await readKernel(
      folder.picture("k.png", { width: 2, height: 1, colorType: 0, sample: (x) => x === 0 ? 51 : 204 }),
    );
    assertEquals(drawn.shape, [1, 2]);
    assertAlmostEquals(drawn.data[0]!, 0.2, 1e-6);
    assertAlmostEquals(drawn.data[1]!, 0.8, 1e-6);
  }));

Deno.test("a kernel that is no rectangle of numbers, or adds up to nothing, is refused", () =>
  withFolder(async (folder) => {
    const refused = async (words: string, part: string): Promise<void> => {
      const path = folder.write("k.txt", text(words));
      await assertRejects(() => readKernel(path), FileError, part);
    };
    await refused("", "it holds no numbers");
    await refused("1 2\n3\n", "row 2 has 1 numbers, the first has 2");
    await refused("1 two\n", 'row 1 holds "two"');
    await refused("1 NaN\n", "a finite number is needed");
    await refused("1 -1\n", "add up to 0");
    await refused("0 0\n", "more than 0 is needed");
    await refused(`${"1 ".repeat(1024)}\n`, "at most 1023 x 1023");
    await assertRejects(() => readKernel(folder.path("none.txt")), FileError, "there is no such file");
    await assertRejects(() => readKernel(folder.write("k.bin", Uint8Array.of(255, 254))), FileError, "nor a text");
    const black = folder.picture("k.png", { sample: () => 0 });
    await assertRejects(() => readKernel(black), FileError, "more than 0 is needed");
  }));

Deno.test("a kernel for a smaller picture is smaller and keeps its sum", () =>
  withFolder(async (folder) => {
    const kernel = await readKernel(folder.write("k.txt", text("1 2 3 4 5 6 7\n".repeat(7))));
    assertEquals(reducedKernel(kernel, 1), kernel);
    const small = reducedKernel(kernel, 2.2);
    assertEquals(small.shape, [3, 3]);
    assertAlmostEquals(Array.from(small.data).reduce((a, b) => a + b, 0), 1, 1e-6);
    assert(small.data[0]! < small.data[2]!);
  }));

commandTest("--kernel moves a picture as it says, and is stored with the measurement", async (folder) => {
  const picture = folder.picture("x.png", { sample: (x, y, c) => (x * 9 + y * 5 + c * 40) % 256 });
  // The middle of three taps is the second: the picture moves one pixel to the right.
  const kernel = folder.write("k.txt", text("0 0 4\n"));
  const out = folder.path("y.png");
  await runWell(["degrade", picture, out, "--task", "deblur-kernel", "--kernel", kernel]);
  const [before, after] = [await readImage(picture), await readImage(out)];
  after.samples.forEach((sample, i) => {
    const [row, column] = [Math.floor(i / 48), Math.floor(i / 3) % 16];
    assertEquals(sample, before.samples[(row * 16 + (column + 15) % 16) * 3 + i % 3]);
  });
  await runWell(["restore", out, folder.path("r.png"), "--task", "deblur-kernel", "--kernel", kernel, "--steps", "4"]);
  const restored = await readImage(folder.path("r.png"));
  assertEquals(restored.samples, before.samples);
  const measurement = folder.path("y.safetensors");
  await runWell(["degrade", picture, measurement, "--task", "sr2-kernel", "--kernel", kernel]);
  const { options, y } = await readMeasurement(measurement);
  const psf = options["psf"] as HostTensor;
  assertEquals([Array.from(psf.data), psf.shape], [[0, 0, 1], [1, 3]]);
  assertEquals(y.shape, [1, 8, 8, 3]);
  for (const [task, option] of [["sr4", "--kernel"], ["sr4-kernel", "--blur-sigma"]] as const) {
    const words = ["--task", task, "--kernel", kernel, ...(task === "sr4" ? [] : [option, "2"])];
    const { code, stderr } = await runCommand(["degrade", picture, out, ...words]);
    assertEquals(code, 2);
    assert(stderr.includes(option), stderr);
  }
});
