import { assertEquals, assertRejects } from "@std/assert";
import { type ConvertedDtype, convertedPieces } from "../../../models/checkpoint/convert_dtype.ts";
import { CheckpointError, safetensorsBytes, type TensorToWrite } from "../../../models/mod.ts";
import { fileOf } from "../random_checkpoint.ts";

/** The 16-bit patterns that numbers are narrowed to. */
async function narrowed(values: readonly number[], dtype: ConvertedDtype): Promise<readonly number[]> {
  const file = await fileOf([{ name: "w", dtype: "F32", shape: [values.length], data: Float32Array.from(values) }]);
  const pieces = await Array.fromAsync(convertedPieces(file, "w", dtype));
  return pieces.flatMap((piece) => [...new Uint16Array(piece.slice().buffer)]);
}

Deno.test("numbers are rounded to the nearest of half precision and of bfloat16", async () => {
  assertEquals(await narrowed([1, -2, 0.5], "F16"), [0x3c00, 0xc000, 0x3800]);
  assertEquals(await narrowed([1, -2, 0.5], "BF16"), [0x3f80, 0xc000, 0x3f00]);
  // A bfloat16 whose pattern would be an infinity of half precision.
  assertEquals(await narrowed([2 ** 121], "BF16"), [0x7c00]);
});

Deno.test("a finite number of either sign never becomes infinite", async () => {
  const beyond = { F16: 1e6, BF16: 3.4e38 } as const;
  for (const [dtype, value] of Object.entries(beyond) as [keyof typeof beyond, number][]) {
    for (const sign of [1, -1]) {
      await assertRejects(() => narrowed([1, sign * value], dtype), CheckpointError, "is beyond its range");
    }
  }
});

Deno.test("infinities stay what they are", async () => {
  assertEquals(await narrowed([Infinity, -Infinity], "F16"), [0x7c00, 0xfc00]);
  assertEquals(await narrowed([Infinity, -Infinity], "BF16"), [0x7f80, 0xff80]);
});

Deno.test("data stand in the file by the size of their elements, so that all are aligned, then by name", async () => {
  const tensors: TensorToWrite[] = [
    { name: "a", dtype: "U8", shape: [1], data: Uint8Array.of(1) },
    { name: "b", dtype: "F16", shape: [1], data: Float32Array.of(1) },
    { name: "d", dtype: "F32", shape: [1], data: Float32Array.of(1) },
    { name: "c", dtype: "F32", shape: [1], data: Float32Array.of(1) },
    { name: "e", dtype: "F64", shape: [1], data: Float64Array.of(1) },
  ];
  assertEquals([...(await fileOf(tensors)).tensors.keys()], ["e", "c", "d", "b", "a"]);
  const bytes = await safetensorsBytes({ tensors });
  assertEquals(new DataView(bytes.buffer).getUint32(0, true) % 8, 0);
});
