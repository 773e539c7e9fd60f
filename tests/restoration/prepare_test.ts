/** What a sampler is given: of a picture whose pixels are missing in part, and for networks that know no colours. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkConditioning,
  finishPicture,
  type PictureSource,
  type PreparedPicture,
  preparePicture,
  TASKS,
} from "../../restoration/mod.ts";
import { type HostTensor, hostTensor, ReferenceRuntime } from "../../engine/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";

/** A model of which nothing but its sizes is asked. */
function modelOf(inChannels: number): OpenedModel {
  return {
    downsampling: 1,
    config: { imageSize: 64, superResolution: false, inChannels },
    noiseModel: ({ height, width }: { height: number; width: number }) => ({ imageShape: [height, width, inChannels] }),
  } as unknown as OpenedModel;
}

const MODEL = modelOf(3);

/** A picture of one value whose first columns are missing, and show another. */
async function prepared(side: number, missing: number, size: number): Promise<PreparedPicture> {
  const isKnown = (pixel: number): boolean => pixel % side >= missing;
  const data = Float32Array.from({ length: side * side * 3 }, (_, i) => isKnown(Math.floor(i / 3)) ? 0.5 : -0.75);
  const known = Float32Array.from({ length: side * side }, (_, pixel) => isKnown(pixel) ? 1 : 0);
  const source: PictureSource = {
    name: "x.png",
    channels: 3,
    bitDepth: 8,
    colour: { width: side, height: side, channels: 3, data },
    mask: { parameter: "mask", known: hostTensor(known, [side, side]) },
  };
  const task = TASKS.get("inpaint")!;
  return await preparePicture(new ReferenceRuntime(), MODEL, { source, task, options: {}, seed: 0, size });
}

Deno.test("what a picture shows where it is missing is no part of its measurement", async () => {
  const { problem: { y } } = await prepared(4, 1, 4);
  const row = [0, 0, 0, ...Array.from({ length: 9 }, () => 0.5)];
  assertEquals([...await y.read()], [row, row, row, row].flat());
});

Deno.test("in a picture that is made smaller a pixel is known if all that it is made of is known", async () => {
  for (const [missing, lost] of [[4, 2], [5, 3]] as const) {
    const { options, problem: { y } } = await prepared(16, missing, 8);
    const row = Array.from({ length: 8 }, (_, column) => column < lost ? 0 : 1);
    assertEquals([...(options["mask"] as HostTensor).data.subarray(0, 8)], row, `${missing} columns are missing`);
    // Nothing of what was missing has come into its surroundings.
    const values = (await y.read()).subarray(0, 24);
    assertEquals(
      [...values].map((value) => Math.round(1000 * value)),
      row.flatMap((known) => Array(3).fill(500 * known)),
    );
  }
});

/** A picture of one colour. */
function coloured(...colour: readonly number[]): PictureSource {
  const channels = colour.length as 1 | 3;
  const data = Float32Array.from({ length: 64 * channels }, (_, i) => colour[i % channels]!);
  return { name: "x.png", channels, bitDepth: 8, colour: { width: 8, height: 8, channels, data } };
}

Deno.test("a gray network is given gray pictures, of colours their mean, and that is said", async () => {
  const task = TASKS.get("sr2")!;
  const runtime = new ReferenceRuntime();
  for (const [source, notes] of [[coloured(0.5), 0], [coloured(0.25, 0.5, 0.75), 1]] as const) {
    const picture = await preparePicture(runtime, modelOf(1), { source, task, options: {}, seed: 0 });
    const { y, operator } = picture.problem;
    assertEquals([y.shape, operator.imageShape, [...await y.read()][5]], [[1, 8, 8, 1], [16, 16, 1], 0.5]);
    assertEquals(picture.notes.filter((note) => note.includes("knows gray pictures alone")).length, notes);
    const { raster, verdict } = await finishPicture(runtime, picture, new Float32Array(256).fill(0.5));
    assertEquals([raster.channels, raster.width, raster.data[7]], [1, 16, 0.5]);
    assertEquals(verdict.isHarm, true, "no better than A^+ y");
  }
});

Deno.test("a gray network brings no colours back, and one of four channels knows no picture", async () => {
  const gray = { name: "gray.pt", model: modelOf(1) };
  for (const task of ["colorize", "sr4-gray", "old-photo"]) {
    assertThrows(
      () => checkConditioning(gray, TASKS.get(task)!, undefined),
      Error,
      `--task ${task} brings colours back`,
    );
  }
  for (const task of ["mri", "inpaint", "deblur"]) checkConditioning(gray, TASKS.get(task)!, undefined);
  const four = "is a network for pictures of 4 channels, colours with transparency or the codes of an autoencoder";
  const task = TASKS.get("sr2")!;
  assertThrows(() => checkConditioning({ name: "rgba.pt", model: modelOf(4) }, task, undefined), Error, four);
  const input = { source: coloured(0.5), task, options: {}, seed: 0 };
  await assertRejects(() => preparePicture(new ReferenceRuntime(), modelOf(4), input), Error, four);
});
