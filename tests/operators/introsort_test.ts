import { assertEquals } from "@std/assert";
import { introsortDescending } from "../../operators/blur/introsort.ts";
import { bytesByteSource, openSafetensors } from "../../models/mod.ts";

/** The lists of keys of `published/order.cpp`, by the beginning of their name. */
const LISTS: Readonly<Record<string, (count: number) => Float32Array>> = {
  equal: (count) => new Float32Array(count).fill(1),
  rising: (count) => Float32Array.from({ length: count }, (_, i) => i),
  falling: (count) => Float32Array.from({ length: count }, (_, i) => -i),
  "drawn below 2": (count) => drawn(count, 2),
  "drawn below 7": (count) => drawn(count, 7),
  "drawn below 1000": (count) => drawn(count, 1000),
  "drawn below 65536": (count) => drawn(count, 65536),
};

function drawn(count: number, modulus: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % modulus;
  });
}

/** FNV-1a over the positions. */
function hashOf(order: Int32Array): number {
  return order.reduce((hash, position) => Math.imul(hash ^ position, 16777619), 2166136261) >>> 0;
}

/** The keys of a list that `published/order.cpp` names, such as `rising 17`, or lists itself, as `keys -3 -1 -2`. */
function keysOf(name: string): Float32Array {
  const [kind, ...words] = name.split(" ");
  if (kind === "keys") return Float32Array.from(words, Number);
  const count = Number(words.pop());
  return LISTS[[kind, ...words].join(" ")]!(count);
}

Deno.test("introsortDescending() orders positions as std::sort does, equal keys too, also where a heap takes over", async () => {
  const text = await Deno.readTextFile(new URL("published/orders.txt", import.meta.url));
  const expected = text.trimEnd().split("\n");
  assertEquals(expected.length, 87);
  for (const line of expected) {
    const [name, hash] = line.split(": ") as [string, string];
    assertEquals(hashOf(introsortDescending(keysOf(name))), Number(hash), name);
  }
});

Deno.test("introsortDescending() gives the recorded orders of the published blurs", async () => {
  const bytes = await Deno.readFile(new URL("../golden/operators-32.safetensors", import.meta.url));
  const file = await openSafetensors(bytesByteSource(bytes, "operators-32.safetensors"));
  for (const name of ["deblur_gauss", "deblur_uni"]) {
    const s = await file.readFloat32(`${name}.s`);
    const products = Float32Array.from(
      { length: s.length ** 2 },
      (_, i) => s[Math.floor(i / s.length)]! * s[i % s.length]!,
    );
    assertEquals([...introsortDescending(products)], Array.from(await file.readIntegers(`${name}.perm`)), name);
  }
});
