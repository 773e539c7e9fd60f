/** What a sampler is given of a picture whose pixels are missing in part. */
import { assertEquals } from "@std/assert";
import { type PictureSource, type PreparedPicture, preparePicture, TASKS } from "../../restoration/mod.ts";
import { type HostTensor, hostTensor, ReferenceRuntime } from "../../engine/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";

/** A model of which nothing but its sizes is asked. */
const MODEL = {
  downsampling: 1,
  config: { imageSize: 64, superResolution: false },
  noiseModel: ({ height, width }: { height: number; width: number }) => ({ imageShape: [height, width, 3] }),
} as unknown as OpenedModel;

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
