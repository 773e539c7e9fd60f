/** What the tool that compares windows with whole pictures makes of its measurements. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Raster } from "../../raster/mod.ts";
import { medianRows, type Row, tableOf } from "../../tools/windows/rows.ts";
import { seamOf, windowBorders } from "../../tools/windows/seam.ts";

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

/** A picture of 12 x 4 pixels whose columns rise by 1, and by others where it is said. */
function rising(others: Readonly<Record<number, number>>): Raster {
  const row = [0];
  for (let x = 1; x < 12; x++) row.push(row[x - 1]! + (others[x] ?? 1));
  return { width: 12, height: 4, channels: 1, data: Float32Array.from({ length: 48 }, (_, i) => row[i % 12]!) };
}

Deno.test("a seam is what a border has more than the lines beside it, each over the picture without windows", () => {
  const borders = { rows: [], columns: [6] };
  assertAlmostEquals(seamOf(rising({ 6: 3 }), rising({}), borders, 2), 9, 1e-6);
  // Blocks of two begin at even columns; odd ones do not count, and what the scene has at the border is no seam.
  const [picture, scene] = [rising({ 2: 5, 4: 5, 6: 20, 8: 5, 10: 5 }), rising({ 2: 5, 4: 5, 6: 10, 8: 5, 10: 5 })];
  assertAlmostEquals(seamOf(picture, scene, borders, 2), 4, 1e-6);
  const turned = (x: Raster): Raster => ({
    ...x,
    width: 4,
    height: 12,
    data: x.data.map((_, i) => x.data[Math.floor(i / 4)]!),
  });
  assertAlmostEquals(seamOf(turned(picture), turned(scene), { rows: [6], columns: [] }, 2), 4, 1e-6);
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
