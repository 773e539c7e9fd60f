/** Several tasks at once: their names, their options, their measurement files, and pictures that were damaged elsewhere. */
import { assertEquals, assertThrows } from "@std/assert";
import { hostTensor, ReferenceRuntime } from "../../engine/mod.ts";
import { readEntries } from "../../evaluation/entries.ts";
import { bytesByteSource, type OpenedModel } from "../../models/mod.ts";
import { type OptionValues, UsageError } from "../../parameters/mod.ts";
import {
  applyOperator,
  chooseTask,
  decodeMeasurement,
  degradePicture,
  encodeMeasurement,
  isTaskQuality,
  methodForNoise,
  type PictureSource,
  preparePicture,
  settleBlur,
  taskNamed,
} from "../../restoration/mod.ts";

/** A model of which nothing but its sizes is asked. */
const MODEL = {
  downsampling: 1,
  config: { imageSize: 64, superResolution: false, inChannels: 3 },
  noiseModel: ({ height, width }: { height: number; width: number }) => ({ imageShape: [height, width, 3] }),
} as unknown as OpenedModel;

/** A picture of 8 x 4 pixels whose first two columns are missing. */
function scratched(channels: 1 | 3): PictureSource {
  const data = Float32Array.from({ length: 32 * channels }, (_, i) => (i % 11) / 11 - 0.3);
  const known = Float32Array.from({ length: 32 }, (_, pixel) => pixel % 8 < 2 ? 0 : 1);
  return {
    name: "x.png",
    channels,
    bitDepth: 8,
    colour: { width: 8, height: 4, channels, data },
    mask: { parameter: "mask", known: hostTensor(known, [4, 8]) },
  };
}

Deno.test("tasks are joined by + in any spelling, and the wrong one is named", () => {
  assertEquals(taskNamed("sr2+jpeg").name, "sr2 + jpeg");
  assertEquals(taskNamed(" sr2 +jpeg").name, "sr2 + jpeg");
  assertThrows(() => taskNamed("sr2 + jpg"), UsageError, 'there is no task "jpg" of "sr2 + jpg"');
  assertThrows(() => taskNamed("sr2 + jpg"), UsageError, 'did you mean "jpeg"?');
  assertThrows(() => taskNamed("jpeg +"), UsageError, 'there is no task ""');
  assertThrows(() => taskNamed("colorize + colorize"), UsageError, "named twice");
});

Deno.test("options belong to the part that has them; one that two parts have is refused", () => {
  const choose = (options: OptionValues): string => chooseTask(options, "").name;
  assertEquals(choose({ task: "inpaint + jpeg", "mask-random": 0.5, quality: 20 }), "inpaint + jpeg");
  assertThrows(() => choose({ task: "sr2 + colorize", quality: 20 }), UsageError, 'the task is "sr2 + colorize"');
  const twice = { task: "deblur + deblur-uniform", "blur-taps": 5 };
  assertThrows(() => choose(twice), UsageError, '--blur-taps would be for "deblur" and "deblur-uniform"');
  const unsaid = { colour: { width: 8, height: 4, channels: 1 as const, data: new Float32Array(32) } };
  assertThrows(
    () =>
      settleBlur({ task: "deblur + jpeg" }, taskNamed("deblur + jpeg"), unsaid.colour, "a.png", { rounding: 0.002 }),
    UsageError,
    "the width of the blur",
  );
});

Deno.test("--quality is that of a task only where nothing else says it", () => {
  assertEquals(isTaskQuality({ task: "sr2 + jpeg", quality: 30 }, "a.png"), true);
  assertEquals(isTaskQuality({ task: "sr2 + jpeg", quality: 30, degrade: true }, "a.jpg"), true);
  assertEquals(isTaskQuality({ task: "sr2 + jpeg", quality: 30 }, "a.jpg"), false);
  assertEquals(isTaskQuality({ task: "sr2", quality: 30 }, "a.png"), false);
});

Deno.test("a composition with noise is given to a method that reckons with it", () => {
  assertEquals(methodForNoise({}, taskNamed("colorize + denoise")).options, { method: "ddnm+" });
  assertEquals(methodForNoise({}, taskNamed("sr2 + colorize")).options, {});
});

Deno.test("evaluations take compositions, with spaces and without", () => {
  const names = readEntries("task", "sr2 + jpeg quality=30, inpaint+colorize").map(({ label }) => label);
  assertEquals(names, ["sr2 + jpeg quality=30", "inpaint + colorize"]);
  assertThrows(() => readEntries("task", ["sr2 + jpg"]), UsageError, 'there is no task "jpg"');
});

Deno.test("a measurement file makes the operator of a composition again", async () => {
  const runtime = new ReferenceRuntime();
  const task = taskNamed("inpaint + sr2 + colorize");
  const noise = { kind: "none" } as const;
  const made = await degradePicture(runtime, scratched(3), { task, options: {}, noise, seed: 3 });
  assertEquals(made.y.shape, [1, 2, 4, 1]);
  const read = await decodeMeasurement(bytesByteSource(await encodeMeasurement(made), "y"));
  assertEquals(read.task.name, task.name);
  const x = runtime.upload(scratched(3).colour.data, [1, 4, 8, 3]);
  const [one, other] = [made.operator, read.operator].map((operator) =>
    applyOperator(runtime, operator, "forward", x).then((y) => y.read())
  );
  assertEquals(await one, await other);
});

Deno.test("of a gray picture with a hole only the known values are measured", async () => {
  for (
    const [name, columns] of [["inpaint + colorize", 2], ["inpaint + sr2 + colorize", 2], ["sr2 + inpaint", 2]] as const
  ) {
    const task = taskNamed(name);
    const source = scratched(1);
    const { problem: { y } } = await preparePicture(new ReferenceRuntime(), MODEL, {
      source,
      task,
      options: {},
      seed: 0,
    });
    const channels = task.channels;
    const values = await y.read();
    const shown = source.colour.data;
    for (let pixel = 0; pixel < 32; pixel++) {
      const expected = pixel % 8 < columns ? 0 : shown[pixel]!;
      const found = values[pixel * channels]!;
      assertEquals(Math.round(1e4 * found), Math.round(1e4 * expected), `${name}, pixel ${pixel}`);
    }
  }
});
