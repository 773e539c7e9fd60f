import { assertEquals } from "@std/assert";
import { filterMatrix } from "../../operators/blur/filter_matrix.ts";

function rows(n: number, filter: Parameters<typeof filterMatrix>[1]): number[][] {
  const { rows, columns, data } = filterMatrix(n, filter);
  return Array.from({ length: rows }, (_, row) => Array.from(data.subarray(row * columns, (row + 1) * columns)));
}

Deno.test("filterMatrix() drops taps outside a picture with zeros around it", () => {
  assertEquals(rows(3, { taps: [1, 2, 4], start: -1, stride: 1, boundary: "zero" }), [[2, 4, 0], [1, 2, 4], [0, 1, 2]]);
});

Deno.test("filterMatrix() mirrors with the edge pixel repeated", () => {
  assertEquals(
    rows(3, { taps: [1, 2, 4], start: -1, stride: 1, boundary: "reflect" }),
    [[3, 4, 0], [1, 2, 4], [0, 1, 6]],
  );
});

Deno.test("filterMatrix() goes on at the other side, again and again", () => {
  assertEquals(
    rows(3, { taps: [1, 2, 4], start: -1, stride: 1, boundary: "circular" }),
    [[2, 4, 1], [1, 2, 4], [4, 1, 2]],
  );
  assertEquals(rows(2, { taps: [1, 10, 100, 1000, 10000], start: -2, stride: 1, boundary: "circular" })[0], [
    10101,
    1010,
  ]);
});

Deno.test("filterMatrix() mirrors again and again where the kernel is longer than the picture", () => {
  assertEquals(rows(2, { taps: Array(8).fill(1), start: -3, stride: 2, boundary: "reflect" }), [[4, 4]]);
  assertEquals(
    rows(2, { taps: [1, 10, 100, 1000, 10000], start: -2, stride: 1, boundary: "reflect" }),
    [[110, 11001], [10011, 1100]],
  );
});

Deno.test("filterMatrix() steps by the stride", () => {
  assertEquals(rows(4, { taps: [1, 2], start: 0, stride: 2, boundary: "zero" }), [[1, 2, 0, 0], [0, 0, 1, 2]]);
});
