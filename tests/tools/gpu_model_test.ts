import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { constant, type Plan, ShapeOnly, trace, WebGpuRuntime } from "../../engine/mod.ts";
import { matmul } from "../../kernels/mod.ts";
import { COMPILED_CARDS } from "../../tools/gpu/cards.ts";
import { distinctKernels, keyOf, tileOf, workgroupBytes } from "../../tools/gpu/kernels.ts";
import { main, predictionTable } from "../../tools/gpu/model.ts";
import { paperCard } from "../../tools/gpu/paper_card.ts";
import { type Assumptions, type CardSpeed, predict } from "../../tools/gpu/predict.ts";
import type { KernelFigures } from "../../tools/gpu/statistics.ts";
import { PARTS, type Work, workOf } from "../../tools/gpu/work.ts";

/** Rows and columns that no tile divides, so that padding counts. */
const [ROWS, INNER, COLUMNS] = [200, 96, 136];

async function productPlan(): Promise<Plan> {
  const runtime = await WebGpuRuntime.open({ gpu: paperCard(COMPILED_CARDS.ada.identity) });
  const weight = new ShapeOnly({ shape: [INNER, COLUMNS], dtype: "f32" });
  return runtime.plan(
    trace("product", { x: { shape: [ROWS, INNER], dtype: "f32" } }, ({ x }) => ({ y: matmul(x!, constant(weight)) })),
  );
}

Deno.test("the work of a product counts whole tiles, and every operand once", async () => {
  const works = workOf(await productPlan());
  const products = works.filter(({ part }) => part === "products");
  assertEquals(products.length, 1);
  const [{ wgsl, flops, touches, perTurn, invocations }] = products as [Work];
  const { rows, columns } = tileOf(wgsl)!;
  assertEquals(flops, 2 * INNER * rows * Math.ceil(ROWS / rows) * columns * Math.ceil(COLUMNS / columns));
  assert(flops > 2 * ROWS * INNER * COLUMNS);
  const bytes = new Map(touches.map(({ id, bytes }) => [id, bytes]));
  for (const count of [ROWS * INNER, INNER * COLUMNS, ROWS * COLUMNS]) {
    assert([...bytes.values()].includes(4 * count), `${count} elements`);
  }
  assert(perTurn !== undefined && perTurn * invocations % (rows * columns) === 0);
});

/** A card whose figures are powers of ten, with one scheduler of one lane on each of its four cores. */
const CARD: CardSpeed = {
  flops: 1000,
  bandwidth: 100,
  cacheBytes: 1000,
  cacheBandwidth: 400,
  cores: 4,
  schedulers: 1,
  lanes: 1,
  latency: 0.5,
  gap: 0.01,
};

const ASSUMED: Assumptions = { half: 1, barriers: 0.5, bandwidth: 0.5, spill: 10, waiting: 2, attention: 0.25 };

const WORK: Work = {
  label: "a",
  wgsl: "",
  part: "products",
  workgroups: 8,
  invocations: 1,
  flops: 2000,
  perTurn: 60,
  touches: [],
  chain: 0,
};

const FIGURES: KernelFigures = { registers: 1, spills: 2, occupancy: 1, instructions: 100, hotLoop: 100 };

function seconds(works: readonly Work[], figures: Partial<KernelFigures> | undefined = {}): Record<string, number> {
  const all = figures && { ...FIGURES, ...figures };
  return predict(works, CARD, ASSUMED, { figuresOf: () => all, occupancy: ({ occupancy }) => occupancy });
}

Deno.test("products take their executed operations over the share of multiply-adds that is issued", () => {
  // 60 of 100 + 2 * 10 instructions multiply and add; one subgroup issues half of the time, barriers leave half.
  assertAlmostEquals(seconds([WORK])["products"]!, 2000 / (1000 * 0.5 * 0.5 * 0.5), 1e-9);
  assertAlmostEquals(seconds([WORK], { spills: 0 })["products"]!, 2000 / (1000 * 0.6 * 0.5 * 0.5), 1e-9);
  // Three subgroups fit, two are there: 2/3 of the time.
  assertAlmostEquals(seconds([WORK], { occupancy: 3 })["products"]!, 2000 / (1000 * 0.5 * 0.5 * (2 / 3)), 1e-9);
  // Nine workgroups on cores of one each are three waves, the last of which is a quarter full.
  const nine = seconds([{ ...WORK, workgroups: 9 }])["products"]!;
  assertAlmostEquals(nine, 2000 / (1000 * 0.5 * 0.5 * 0.5 * (9 / 12)), 1e-9);
});

Deno.test("what was touched lately comes from the cache, the rest from the memory", () => {
  const touch = (id: number, bytes: number): Work => ({ ...WORK, part: "memory", touches: [{ id, bytes }] });
  const at = (...works: Work[]): number => seconds(works, { instructions: 0 })["memory"]!;
  assertAlmostEquals(at(touch(1, 500)), 500 / 50, 1e-9);
  assertAlmostEquals(at(touch(1, 500), touch(1, 500)), 500 / 50 + 500 / 200, 1e-9);
  // 300 bytes between the two push the first out of the 700 that count as kept.
  assertAlmostEquals(at(touch(1, 500), touch(2, 300), touch(1, 500)), 1300 / 50, 1e-9);
});

Deno.test("loads that wait for each other and gaps between dispatches are counted", () => {
  const found = seconds([{ ...WORK, part: "norms", chain: 3 }, WORK], { instructions: 1 });
  assertAlmostEquals(found["norms"]!, 3 * 0.5 * 2, 1e-9);
  assertAlmostEquals(found["gaps"]!, 2 * 0.01 * 2, 1e-9);
  assertEquals(Object.keys(found), [...PARTS]);
});

Deno.test("a key tells form, workgroup memory, tile and types, and equal forms are told apart by what they read", () => {
  const tensor = (id: number, shape: readonly number[]) => ({ id, shape, dtype: "f32" as const });
  const wgsl = `alias T = vec4<f32>;
var<workgroup> left: array<array<T, 3>, 10>;
var<workgroup> right: array<vec2h, 8>;
let firstColumn = (rest % params.columnBlocks) * 32u;
let firstRow = params.bandRow + (rest % params.rowBlocks) * 64u;
@compute @workgroup_size(8, 4) fn main() {}`;
  const one = {
    label: "k",
    wgsl,
    bindings: [
      { tensor: tensor(0, [2, 3]), access: "read" as const },
      { tensor: tensor(1, [5]), access: "write" as const },
    ],
    usesScalars: false,
    workgroups: [1, 1, 1] as const,
  };
  assertEquals(workgroupBytes(wgsl), 3 * 10 * 16 + 8 * 4);
  assertEquals(workgroupBytes("var<workgroup> a: array<u32, 4u>; var<workgroup> b: vec3f; var<workgroup> c: f32;"), 36);
  assertEquals(workgroupBytes("var<workgroup> a: Own;"), NaN);
  assertEquals(keyOf(one), "k 32 threads 512 B tile 64x32 f32->f32");
  const other = { ...one, wgsl: `${wgsl}\n`, bindings: [{ tensor: tensor(0, [7, 3]), access: "read" as const }] };
  const same = { ...one, bindings: [...one.bindings, { tensor: tensor(3, [1]), access: "write" as const }] };
  const texts = distinctKernels([one, one, { ...same, wgsl: `${wgsl} ` }, { ...same, wgsl: `${wgsl}  ` }, other]);
  assertEquals(texts.map(({ key }) => key), [
    "k 32 threads 512 B tile 64x32 f32->f32",
    "k 32 threads 512 B tile 64x32 f32->f32,f32 at [2, 3]",
    "k 32 threads 512 B tile 64x32 f32->f32,f32 at [2, 3] #2",
    "k 32 threads 512 B tile 64x32 f32->",
  ]);
});

Deno.test("predictions are printed with two digits, and an unknown card is refused", async () => {
  const parts = Object.fromEntries(PARTS.map((part, index) => [part, 0.0012345 * index])) as Record<
    typeof PARTS[number],
    number
  >;
  const table = predictionTable([{
    network: "ffhq-256",
    card: "h100",
    parts,
    total: { likely: 0.0259, best: 0.019, worst: 0.123 },
    dispatches: 1,
    unknown: 0,
  }]);
  const cells = table.split("\n")[2]!.split("|").map((cell) => cell.trim());
  assertEquals(cells.slice(1, -1), [
    "ffhq-256, NVIDIA H100",
    "0",
    "1.2",
    "2.5",
    "3.7",
    "4.9",
    "6.2",
    "7.4",
    "26",
    "19-120",
  ]);
  const printed: string[] = [];
  assertEquals(await main(["--cards", "voodoo"], (text) => printed.push(text)), 2);
  assert(printed[0]!.includes('"voodoo" is not known'));
});
