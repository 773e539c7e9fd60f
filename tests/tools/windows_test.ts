/** What the tool that compares windows with whole pictures makes of its measurements. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { medianRows, type Row, tableOf } from "../../tools/windows/rows.ts";
import { borderEnergy, windowBorders } from "../../tools/windows/seam.ts";

Deno.test("windows side by side begin a side apart, and elsewhere at another timestep", async () => {
  const at = (timestep: number) => windowBorders([40, 56], { side: 16, form: "shifted", timestep });
  const [first, other] = [await at(3), await at(4)];
  for (const { rows, columns } of [first, other]) {
    for (const places of [rows, columns]) {
      assert(places.length >= 2);
      assertEquals(places.map((place) => place % 16).filter((place) => place !== places[0]! % 16), []);
    }
  }
  assert(first.rows[0] !== other.rows[0] || first.columns[0] !== other.columns[0]);
});

Deno.test("overlapping windows begin seven eighths of a side apart", async () => {
  const { rows } = await windowBorders([40, 40], { side: 16, form: "overlapping", timestep: 0 });
  assertEquals(rows, [12, 26]);
});

Deno.test("the energy on borders is that of the steps there over that of the others", () => {
  // Steps of 1 everywhere, and of 3 into column 2.
  const data = Float32Array.from({ length: 16 }, (_, i) => i % 4 + (i % 4 >= 2 ? 2 : 0) + Math.floor(i / 4));
  const energy = borderEnergy({ width: 4, height: 4, channels: 1, data }, { rows: [], columns: [2] }, 1);
  assertAlmostEquals(energy, 9, 1e-6);
});

Deno.test("borders are compared with what lies in the blocks as they do", () => {
  // Columns 2, 4 and 6 begin blocks of two, with steps of 5; a border in column 4 has one of 10.
  const row = [0, 1, 6, 7, 17, 18, 23, 24];
  const data = Float32Array.from({ length: 32 }, (_, i) => row[i % 8]!);
  const energy = borderEnergy({ width: 8, height: 4, channels: 1, data }, { rows: [], columns: [4] }, 2);
  assertAlmostEquals(energy, 4, 1e-6);
});

Deno.test("rows become medians against bicubic and against the whole picture", () => {
  const row = (name: string, form: Row["form"], psnr: number, seam: number | null): Row => ({
    ...{ name, form, psnr, side: 1000, window: 256, steps: 8, bicubic: 20 },
    ...{ seam, secondsPerEvaluation: 2, bytes: 3e6 },
  });
  const rows = [
    ...[row("a", "whole", 22, null), row("a", "shifted", 21, 1.1)],
    ...[row("b", "whole", 23, null), row("b", "shifted", 22.5, 1.3)],
  ];
  const [whole, shifted] = medianRows(rows);
  assertEquals([whole!.gain, shifted!.gain, shifted!.overWhole, shifted!.count], [2.5, 1.75, -0.75, 2]);
  assertAlmostEquals(shifted!.seam, 1.2, 1e-9);
  assertEquals(
    tableOf([shifted!]).split("\n")[2],
    "| 1000x1000 | shifted, 256 | 2 | +1.75 | -0.75 | 1.200 | 2.0 | 3 |",
  );
});
