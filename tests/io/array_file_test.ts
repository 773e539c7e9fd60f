import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { FileError, readKernel, readMask, readNpy, readNpyPicture } from "../../io/mod.ts";
import { casePath } from "./cases.ts";

/** A file as NumPy writes it. */
function npy(descr: string, shape: string, body: ArrayBuffer, version = 1, order = "False"): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`;
  const length = version === 1 ? [header.length, 0] : [header.length, 0, 0, 0];
  return Uint8Array.from([
    ...[0x93, ...new TextEncoder().encode("NUMPY"), version, 0, ...length],
    ...new TextEncoder().encode(header),
    ...new Uint8Array(body),
  ]);
}

async function inFile<T>(bytes: Uint8Array, body: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".npy" });
  try {
    await Deno.writeFile(path, bytes);
    return await body(path);
  } finally {
    await Deno.remove(path);
  }
}

const VALUES = [0, 1, 2, 3, 4, 5];

Deno.test("readNpy() reads every kind of number, in both orders of bytes and of axes, format 1 to 3", async () => {
  const bodies: [string, ArrayBuffer][] = [
    ["|u1", Uint8Array.from(VALUES).buffer],
    ["|i1", Int8Array.from(VALUES).buffer],
    ["<i2", Int16Array.from(VALUES).buffer],
    ["<u2", Uint16Array.from(VALUES).buffer],
    ["<i4", Int32Array.from(VALUES).buffer],
    ["<u4", Uint32Array.from(VALUES).buffer],
    ["<i8", BigInt64Array.from(VALUES.map(BigInt)).buffer],
    ["<u8", BigUint64Array.from(VALUES.map(BigInt)).buffer],
    ["<f2", Uint16Array.of(0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500).buffer],
    ["<f4", Float32Array.from(VALUES).buffer],
    ["<f8", Float64Array.from(VALUES).buffer],
    [">i2", Uint8Array.from(VALUES.flatMap((value) => [0, value])).buffer],
  ];
  for (const [descr, body] of bodies) {
    for (const version of [1, 2, 3]) {
      const { shape, data, dtype } = await inFile(npy(descr, "2, 3", body, version), readNpy);
      assertEquals([shape, [...data], dtype], [[2, 3], VALUES, descr.slice(1)], descr);
    }
    const { data } = await inFile(npy(descr, "2, 3", body, 1, "True"), readNpy);
    assertEquals([...data], [0, 2, 4, 1, 3, 5], descr);
  }
  const truth = await inFile(npy("|b1", "3,", Uint8Array.of(1, 0, 1).buffer), readNpy);
  assertEquals([truth.shape, [...truth.data]], [[3], [1, 0, 1]]);
});

Deno.test("readNpy() refuses other types, cut files and what is no array, with what to do", async () => {
  const body = Float32Array.from(VALUES).buffer;
  const refused: [Uint8Array, string][] = [
    [npy("<c8", "3,", body), "of the type <c8, numbers or truth values are needed"],
    [npy("|O", "3,", body), "of the type |O"],
    [npy("<U4", "3,", body), "of the type <U4"],
    [npy("<f4", "7,", body), "cut short: [7] values of 4 bytes"],
    [npy("<f4", "6,", body).slice(0, 9), "cut short in its header"],
    [npy("<f4", "6", body, 4), "its format is 4, 1 to 3 are read"],
    [npy("<f4", "-1,", body), "header of the NumPy file is damaged"],
    [new TextEncoder().encode("0 1 2"), "it is no NumPy array"],
  ];
  for (const [bytes, said] of refused) {
    await inFile(bytes, (path) => assertRejects(() => readNpy(path), FileError, said));
  }
});

Deno.test("arrays are pictures with a stated range, kernels and masks", async () => {
  const picture = await readNpyPicture(casePath("arrays/picture.npy"));
  assertEquals([picture.width, picture.height, picture.channels], [64, 64, 3]);
  const { data } = await readNpy(casePath("arrays/picture.npy"));
  assertAlmostEquals(picture.data[777]!, 2 * data[777]! / 255 - 1, 1e-6);
  const real = npy("<f4", "1, 2, 3", Float32Array.from(VALUES).buffer);
  await inFile(real, (path) => assertRejects(() => readNpyPicture(path), FileError, "state their range"));
  assertEquals([...(await inFile(real, (path) => readNpyPicture(path, [0, 4]))).data], [-1, -0.5, 0, 0.5, 1, 1.5]);
  assertEquals((await inFile(real, (path) => readNpyPicture(path, [1, 5]))).data[3], 0);
  const flat = npy("<f4", "6,", Float32Array.from(VALUES).buffer);
  await inFile(flat, (path) => assertRejects(() => readNpyPicture(path, [0, 5]), FileError, "its shape is [6]"));

  const kernel = await readKernel(casePath("arrays/kernel.npy"));
  assertEquals(kernel.shape, [5, 5]);
  assertAlmostEquals((kernel.data as Float32Array).reduce((a, b) => a + b), 1, 1e-6);

  const mask = await readMask(casePath("arrays/mask.npy"), { keep: "white" });
  const gray = await readMask(casePath("masks/gray.png"), { keep: "white" });
  assertEquals(mask.data, gray.data);
});
