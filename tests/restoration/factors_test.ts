import { assert, assertEquals, assertThrows } from "@std/assert";
import { hostTensor, ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator, lookUpTask, TASKS } from "../../operators/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import {
  applyOperator,
  chooseTask,
  degradePicture,
  degradeTasks,
  fitFactor,
  offCanvas,
  ontoCanvas,
  type PictureSource,
  planCanvas,
  restoreTasks,
} from "../../restoration/mod.ts";
import { randomValues } from "../support/random.ts";

Deno.test("a task has any factor from 1 to 32 in its name, and those that are listed stay what they are", () => {
  const found = ["sr4", "sr3", "sr1", "sr16", "sr32", "sr1.5", "sr1.50", "sr2.0", "sr3-bicubic", "sr2-bicubic"].map(
    lookUpTask,
  );
  assertEquals(found.map((task) => [task?.name, task?.operator, task?.scale]), [
    ["sr4", "sr_average", 4],
    ["sr3", "sr_average", 3],
    ["sr1", "sr_average", 1],
    ["sr16", "sr_average", 16],
    ["sr32", "sr_average", 32],
    ["sr1.5", "sr_area", 1.5],
    ["sr1.5", "sr_area", 1.5],
    ["sr2", "sr_average", 2],
    ["sr3-bicubic", "sr_bicubic", 3],
    ["sr2-bicubic", "sr_bicubic", 2],
  ]);
  assertEquals(found[0], TASKS.get("sr4"));
  for (const name of ["sr0", "sr33", "sr0.5", "sr-3", "srx", "sr", "sr1.5-bicubic", "sr1e1"]) {
    assertEquals(lookUpTask(name), undefined, name);
  }
  assert(!restoreTasks().has("sr3") && restoreTasks().has("sr"), "help lists one task for all factors");
});

Deno.test("options say the factor of an enlargement, once and within 1 to 32", () => {
  assertEquals(chooseTask({ task: "sr", scale: 3 }, "sr4", degradeTasks()).name, "sr3");
  assertEquals(chooseTask({ task: "sr", scale: 1.5 }, "sr4", degradeTasks()).name, "sr1.5");
  const refused = (options: Record<string, string | number>, said: string): void => {
    assertThrows(() => chooseTask(options, "sr4", restoreTasks()), UsageError, said);
  };
  refused({ task: "sr" }, "no factor was given");
  refused({ task: "sr", scale: 2, width: 50 }, "--scale and --width exclude each other");
  refused({ task: "sr", scale: 33 }, "--scale is 33, 1 to 32 is needed");
  refused({ task: "sr40" }, "factors go from 1 to 32");
  refused({ task: "sr4", scale: 2 }, "--scale belongs to --task upsample or sr");
  refused({ task: "inpaint", width: 40 }, "--width belongs to --task sr;");
});

Deno.test("a width or a height makes the factor of a picture", () => {
  const colour = { width: 16, height: 10, channels: 3 as const, data: new Float32Array(480) };
  const source: PictureSource = { name: "a.png", colour, channels: 3, bitDepth: 8 };
  const fitted = (options: Record<string, number>): string =>
    fitFactor({ source, options, seed: 0, task: chooseTask({ task: "sr", ...options }, "sr4", restoreTasks()) }).task
      .name;
  assertEquals(fitted({ width: 48 }), "sr3");
  assertEquals(fitted({ width: 37 }), "sr2.3125");
  assertEquals(fitted({ height: 15 }), "sr1.5");
  assertThrows(() => fitted({ width: 8 }), UsageError, 'that of "a.png" is 16: a factor of 0.50, 1 to 32 is needed');
});

Deno.test("a result has the size that was asked for, and its measurement lies on it without a further pixel", () => {
  for (const [width, wanted] of [[16, 37], [43, 64], [7, 100], [100, 101]] as const) {
    const scale = wanted / width;
    const canvas = planCanvas({ width, height: width }, { multiple: 8, longest: 4096, scale });
    assertEquals(canvas.natural, { width: wanted, height: wanted });
    assertEquals(canvas.padded, canvas.natural);
    const small = {
      width,
      height: width,
      channels: 1 as const,
      data: Float32Array.from(randomValues(width * width, 3)),
    };
    assertEquals(ontoCanvas(small, canvas), small);
    assertEquals(offCanvas(small, canvas, wanted / width), small);
    // The other side may have another factor.
    const flat = { ...small, height: 1, data: small.data.slice(0, width) };
    const place = planCanvas(flat, { multiple: 8, longest: 4096, scale });
    assertEquals(offCanvas(flat, place, wanted / width, place.padded.height), flat);
    const operator = createOperator("sr_area", [wanted, wanted, 1], { scale });
    assertEquals(operator.measurementShape, [width, width, 1]);
  }
});

Deno.test("A A^+ y is y at every factor, and means of areas are means of blocks where the factor is whole", async () => {
  const runtime = new ReferenceRuntime();
  for (const scale of [1, 1.02, 1.5, 2.7, 3]) {
    const operator = createOperator("sr_area", [51, 51, 1], { scale });
    const y = runtime.upload(randomValues(operator.measurementShape[0]! ** 2, 5), [1, ...operator.measurementShape]);
    const x = await applyOperator(runtime, operator, "estimate", y);
    const again = await (await applyOperator(runtime, operator, "forward", x)).read();
    const given = await y.read();
    const worst = again.reduce((most, value, i) => Math.max(most, Math.abs(value - given[i]!)), 0);
    assert(worst < 2e-5, `x${scale}: ${worst}`);
  }
  const picture = runtime.upload(randomValues(81, 7), [1, 9, 9, 1]);
  const [areas, blocks] = await Promise.all((["sr_area", "sr_average"] as const).map(async (name) => {
    const operator = createOperator(name, [9, 9, 1], { scale: 3 });
    return await (await applyOperator(runtime, operator, "forward", picture)).read();
  }));
  areas!.forEach((value, i) => assert(Math.abs(value - blocks![i]!) < 1e-6));
});

Deno.test("a picture is degraded by a factor that is not whole without a crop", async () => {
  const colour = { width: 9, height: 8, channels: 3 as const, data: new Float32Array(216).fill(0.25) };
  const source: PictureSource = { name: "a.png", colour, channels: 3, bitDepth: 8 };
  const noise = { kind: "gaussian", sigma: 0 } as const;
  const { y, notes } = await degradePicture(new ReferenceRuntime(), source, {
    task: lookUpTask("sr1.5")!,
    options: {},
    noise,
    seed: 0,
  });
  assertEquals([y.shape, notes], [[1, 5, 6, 3], []]);
  assert(y.data.every((value) => Math.abs(value - 0.25) < 1e-6), hostTensor(y.data, y.shape).shape.join());
});
