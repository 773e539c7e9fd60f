import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UsageError } from "../../parameters/mod.ts";
import { readKernelFile, readMaskFile } from "../../studio/engine/files.ts";
import { optionsOf, readJob } from "../../studio/engine/job.ts";

/** An array of bytes as NumPy saves it. */
function npy(name: string, shape: readonly number[], values: readonly number[]): File {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")}), }\n`;
  const start = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length, 0];
  return new File([Uint8Array.from([...start, ...new TextEncoder().encode(header), ...values])], name);
}

Deno.test("a mask of a file is known where it is bright, made as large as the picture, and refused with reasons", async () => {
  const file = npy("m.npy", [2, 4], [0, 255, 255, 255, 0, 255, 255, 255]);
  const { mask, notes } = await readMaskFile(file, { width: 4, height: 2 });
  assertEquals([mask.width, mask.height, Array.from(mask.known)], [4, 2, [0, 1, 1, 1, 0, 1, 1, 1]]);
  assertEquals(notes, []);
  const larger = await readMaskFile(file, { width: 8, height: 4 });
  assertEquals(Array.from(larger.mask.known.subarray(0, 8)), [0, 0, 1, 1, 1, 1, 1, 1]);
  assertEquals(larger.notes, ["The mask has 4 x 2 pixels and is resized to 8 x 4"]);
  const refused = (given: File, message: string): Promise<Error> =>
    assertRejects(() => readMaskFile(given, { width: 4, height: 2 }), Error, message);
  await refused(npy("m.npy", [6, 1], [0, 255, 255, 255, 0, 255]), "which is another shape");
  await refused(npy("m.npy", [2, 4], Array(8).fill(0)), 'Cannot use mask "m.npy": it is black everywhere');
  await refused(new File(["text"], "m.npy"), "it is no NumPy array");
});

Deno.test("a kernel of a file has the sum 1, from a text and from an array, and is refused with reasons", async () => {
  const text = await readKernelFile(new File(["# a line\n1 2 1\n"], "k.txt"));
  assertEquals([text.shape, Array.from(text.data)], [[1, 3], [0.25, 0.5, 0.25]]);
  const array = await readKernelFile(npy("k.npy", [2, 2], [1, 1, 1, 1]));
  assertEquals([array.shape, Array.from(array.data)], [[2, 2], [0.25, 0.25, 0.25, 0.25]]);
  await assertRejects(
    () => readKernelFile(new File(["1 -1"], "k.txt")),
    Error,
    'Cannot read kernel "k.txt": its numbers',
  );
});

Deno.test("a kernel is the one of the job and of the command, and refused where a task takes none", async () => {
  const samples = Uint8Array.from({ length: 3 * 48 }, (_, i) => i);
  const picture = { name: "a.png", decoded: { width: 8, height: 6, channels: 3, bitDepth: 8, samples } } as const;
  const kernel = { name: "k.txt", taps: await readKernelFile(new File(["1 2 1"], "k.txt")) };
  const request = { picture: 1, kernel: 2, options: { task: "deblur-kernel" }, seed: 0, samples: 1 };
  const { input, options } = readJob(request, { picture, isSample: false, kernel }, true);
  assertEquals(options["kernel"], "k.txt");
  const [taps] = Object.values(input.source.files ?? {}) as readonly { readonly data: ArrayLike<number> }[];
  assert(taps);
  assertAlmostEquals(Array.from(taps.data).reduce((a, b) => a + b, 0), 1, 1e-6);
  const wrong = { ...request, options: { task: "sr4" } };
  assertThrows(() => optionsOf(wrong, { picture, kernel }), UsageError, 'the task "sr4" takes no kernel');
});
