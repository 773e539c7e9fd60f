import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { RESTORE } from "../../cli/restore.ts";
import { DeviceLimitError, DeviceLostError } from "../../engine/mod.ts";
import { decodePng, pngTexts } from "../../io/codecs/png_file.ts";
import { readCommandLine } from "../../io/mod.ts";
import { checkValue, UsageError } from "../../parameters/mod.ts";
import type { Image } from "../../raster/mod.ts";
import { PARAMETERS_KEYWORD, PROGRAM } from "../../restoration/mod.ts";
import { Device, missingBefore } from "../../studio/engine/device.ts";
import { failureOf, Stopped } from "../../studio/engine/failure.ts";
import { optionsOf, readJob } from "../../studio/engine/job.ts";
import type { OpenNetwork } from "../../studio/engine/network.ts";
import { checkedOptions, commandOf, requestOptions } from "../../studio/engine/options.ts";
import { decodedMask, imageOf, pixelsOfImage } from "../../studio/engine/pictures.ts";
import { encodePng } from "../../studio/engine/png.ts";
import { registers } from "../../studio/engine/registers.ts";
import { parametersIn } from "../../studio/engine/repeat.ts";
import type { Control } from "../../studio/protocol.ts";

/** Whole numbers that look random. */
function noisy(length: number, levels = 256): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * i * 7919 + i * 104729) % 65521 % levels);
}

/** A picture of colours. */
function picture(width: number, height: number): { readonly name: string; readonly decoded: Image } {
  return {
    name: "my photo.jpg",
    decoded: { width, height, channels: 3, bitDepth: 8, samples: noisy(3 * width * height) },
  };
}

Deno.test("the registers are plain data, and every control names an option with values that it takes", () => {
  const { tasks, methods, degrade, noise, general } = registers();
  assertEquals(JSON.parse(JSON.stringify(structuredClone(tasks))), tasks);
  const specs = requestOptions();
  const check = ({ option, kind, default: initial, min, max, excludes = [], needs }: Control): void => {
    if (kind === "mask" || kind === "kernel") return;
    assert(specs[option], option);
    for (const other of [...excludes, ...(needs ? [needs] : [])]) assert(specs[other], `${option}: ${other}`);
    for (const value of [initial, min, max]) {
      if (value === null || value === undefined) continue;
      assertEquals(checkValue(option, specs[option], value), value);
    }
  };
  for (const { controls } of [...tasks, ...methods]) controls.forEach(check);
  [degrade, ...noise, ...general].forEach(check);
  const options = (name: string): readonly string[] =>
    tasks.find((task) => task.name === name)!.controls.map(({ option }) => option);
  assertEquals(options("sr"), ["scale", "width", "height"]);
  assert(options("deblur").includes("blur") && options("outpaint").includes("left"));
  assert(!options("inpaint").includes("mask-keep"), "masks come as pixels");
  const blur = tasks.find(({ name }) => name === "deblur")!.controls.find(({ option }) => option === "blur");
  assertEquals([blur?.excludes, blur?.only], [["blur-sigma"], "damaged"]);
});

Deno.test("every task names methods that there are, and what it needs", () => {
  const { tasks, methods } = registers();
  const names = methods.map(({ name }) => name);
  for (const task of tasks) {
    assert(task.methods.length > 0 && task.methods.every((method) => names.includes(method)), task.name);
  }
  const of = (name: string): typeof tasks[number] => tasks.find((task) => task.name === name)!;
  assertEquals(of("sr4").methods[0], "ssd");
  assertEquals([of("sr4").mask, of("inpaint").mask, of("old-photo").mask], ["none", "needed", "possible"]);
  assertEquals([of("sr4").takesDamaged, of("ct").takesDamaged, of("hdr").takesDamaged], [true, false, true]);
  assert(of("upsample").methods.every((method) => !of("sr4").methods.includes(method)));
  const diffpir = methods.find(({ name }) => name === "diffpir")!;
  assertEquals(diffpir.published["inpainting"], { steps: 20, zeta: 1 }, "a flag is no value to begin with");
});

Deno.test("options are checked one by one, and a flag that is false is left out", () => {
  assertEquals(checkedOptions({ task: "sr4", degrade: false, steps: 20 }), { task: "sr4", steps: 20 });
  assertThrows(() => checkedOptions({ step: 20 }), UsageError, 'there is no option "step"; did you mean "steps"?');
  assertThrows(() => checkedOptions({ mask: "a.png" }), UsageError, 'there is no option "mask"');
  assertThrows(() => checkedOptions({ steps: 0.5 }), UsageError, "--steps is 0.5, a whole number");
});

Deno.test("a command line is read by the command as what was asked for", () => {
  const options = { task: "sr2 + jpeg", quality: 40, method: "dds", steps: 15 };
  const command = commandOf({ seed: 3, samples: 2 }, { picture: "it's small.png", options, model: "my net.pt" });
  assertEquals(
    command,
    `deno task restore 'it'\\''s small.png' --task 'sr2 + jpeg' --quality 40 --method dds --steps 15 --model 'my net.pt' ` +
      "--seed 3 --samples 2",
  );
  const words = ["it's small.png", "--task", "sr2 + jpeg", "--quality", "40", "--method", "dds", "--steps", "15"];
  assertEquals(readCommandLine(RESTORE.spec, [...words, "--seed", "3"]), {
    operands: ["it's small.png"],
    values: { ...options, seed: 3 },
  });
  const sample = commandOf({ seed: 0, samples: 1 }, {
    picture: undefined,
    options: { task: "sr4", degrade: true },
    model: undefined,
  });
  assertEquals(sample, "deno task restore --task sr4");
});

Deno.test("a job is what the command would read, and refuses what that refuses", () => {
  const [seed, samples] = [7, 2];
  const request = { picture: 1, options: { task: "sr4", method: "ddrm", steps: 5 }, seed, samples };
  const job = readJob(request, { picture: picture(8, 6), isSample: false }, true);
  assertEquals([job.task.name, job.method.name, job.method.evaluations.actual], ["sr4", "ddrm", 5]);
  assertEquals(job.input.noise, undefined);
  const degraded = readJob({ ...request, options: { ...request.options, degrade: true } }, {
    picture: picture(8, 6),
    isSample: true,
  }, true);
  assertEquals([degraded.input.noise, degraded.isSample], [{ kind: "gaussian", sigma: 0 }, true]);
  const refused = (changes: object, message: string): void => {
    assertThrows(
      () => readJob({ ...request, ...changes }, { picture: picture(8, 6), isSample: false }, true),
      UsageError,
      message,
    );
  };
  refused({ options: {} }, "it is not said what is wrong with the picture");
  refused({ options: { task: "inpaint" } }, "--task inpaint needs --mask FILE");
  refused({ samples: 0 }, "--samples is 0");
  refused({ seed: 2 ** 32 - 1 }, "--seed is 4294967295");
  const mask = { width: 8, height: 6, known: new Uint8Array(48).fill(1, 0, 40) };
  refused({ mask }, 'the task "sr4" takes no mask');
  const masked = { ...request, mask, options: { task: "inpaint" } };
  assertEquals(optionsOf(masked, { picture: picture(8, 6) }), { task: "inpaint", mask: "my photo-mask.png" });
  const { source } = readJob(masked, { picture: picture(8, 6), isSample: false }, true).input;
  assertEquals(source.mask?.known.data.filter((known) => known === 1).length, 40);
});

Deno.test("a mask must have the picture's size, and leave something", () => {
  const mask = { width: 2, height: 3, known: Uint8Array.of(0, 1, 1, 1, 1, 0) };
  assertEquals(Array.from(decodedMask(mask, { width: 2, height: 3 }).data), [0, 1, 1, 1, 1, 0]);
  assertEquals(decodedMask(mask, { width: 2, height: 3 }).share, 1 / 3);
  assertThrows(() => decodedMask(mask, { width: 3, height: 2 }), UsageError, "the same size is needed");
  const none = { ...mask, known: new Uint8Array(6) };
  assertThrows(() => decodedMask(none, { width: 2, height: 3 }), UsageError, "all pixels are missing");
});

Deno.test("a PNG file holds the samples of any image of 8 bits, and its texts", async () => {
  for (const [width, height] of [[1, 1], [7, 5], [64, 3]] as const) {
    for (const channels of [1, 3] as const) {
      for (const alpha of [undefined, noisy(width * height)]) {
        const samples = noisy(width * height * channels);
        const image: Image = { width, height, channels, bitDepth: 8, samples, ...(alpha ? { alpha } : {}) };
        const text = { Software: "Shortcut", [PARAMETERS_KEYWORD]: "x".repeat(100) + " \u2713" };
        const bytes = await encodePng(image, text);
        assertEquals((await decodePng(bytes, 1e6)).image, image);
        assertEquals(pngTexts(bytes), text);
      }
    }
  }
});

Deno.test("pixels of a canvas become an image and come back", () => {
  const rgba = Uint8ClampedArray.from(noisy(4 * 6));
  assertEquals(pixelsOfImage(imageOf({ width: 3, height: 2, rgba })), { width: 3, height: 2, rgba });
  const opaque = rgba.map((value, i) => i % 4 === 3 ? 255 : value);
  const image = imageOf({ width: 3, height: 2, rgba: opaque });
  assertEquals(image.alpha, undefined);
  assertEquals(pixelsOfImage(image).rgba, opaque);
});

Deno.test("what made a picture comes back as options, with what the file does not hold", () => {
  const network = { name: "prior.safetensors", sha256: "ab" } as OpenNetwork;
  const made = {
    program: PROGRAM,
    task: { name: "inpaint", measured: true },
    options: { task: "inpaint", mask: "a-mask.png", steps: 9, method: "ddrm" },
    method: { name: "ddrm", steps: 9 },
    seed: 4,
    model: { name: "prior.safetensors", sha256: "ab" },
  };
  const read = (data: object): ReturnType<typeof parametersIn> =>
    parametersIn({ [PARAMETERS_KEYWORD]: JSON.stringify(data) }, "a.png", network);
  const found = read(made);
  assertEquals([found?.options, found?.seed], [{ task: "inpaint", steps: 9, method: "ddrm" }, 4]);
  assertEquals(found?.notes.length, 1);
  assert(found!.notes[0]!.includes("--mask"));
  const other = read({ ...made, model: { name: "other.pt", sha256: "cd" } });
  assert(other!.notes.some((note) => note.includes("other.pt")));
  assertEquals(read({ program: "another" }), null);
  assertEquals(parametersIn({}, "a.png", network), null);
});

Deno.test("errors cross as what they are to the page", () => {
  const kinds = [
    new Stopped(),
    new UsageError("a"),
    new DeviceLostError("b"),
    new DeviceLimitError("c"),
    new RangeError("d"),
    "e",
  ].map(failureOf);
  assertEquals(kinds.map(({ kind }) => kind), ["stopped", "usage", "lost", "memory", "failure", "failure"]);
  assertEquals(kinds.slice(1).map(({ message }) => message), ["a", "b", "c", "d", "e"]);
});

Deno.test("each reason why there is no WebGPU is told apart", async () => {
  assertEquals(missingBefore({ isSecureContext: false, navigator: {} }), "insecure-origin");
  assertEquals(missingBefore({ isSecureContext: true, navigator: {} }), "no-interface");
  const device = new Device({ isSecureContext: true, navigator: {} });
  await assertRejects(() => device.runtime(), Error, "this browser has no WebGPU");
  const { adapter, missing } = await device.facts();
  assertEquals([adapter, missing?.reason], [null, "no-interface"]);
});
