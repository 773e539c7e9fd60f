import { assert, assertEquals } from "@std/assert";
import { chart } from "../../report/mod.ts";

Deno.test("chart() puts points where their values are and skips what is not finite", () => {
  const drawn = (logarithmic?: "x"): readonly string[] => {
    const points = [[1, 0], [10, NaN], [10, 5], [100, 10]] as const;
    const { text } = chart({
      title: "t",
      xTitle: "x",
      yTitle: "y",
      series: [{ name: "s", points }],
      ...(logarithmic ? { logarithmic } : {}),
    })!;
    return /points="([^"]*)"/.exec(text)![1]!.split(" ");
  };
  const xs = (logarithmic?: "x"): readonly number[] => drawn(logarithmic).map((point) => Number(point.split(",")[0]));
  const [a, b, c] = xs("x") as [number, number, number];
  assertEquals(xs("x").length, 3);
  assert(Math.abs(b - (a + c) / 2) < 0.11, `${a} ${b} ${c}`);
  const [d, e, f] = xs() as [number, number, number];
  assert(Math.abs((e - d) / (f - d) - 9 / 99) < 0.001, `${d} ${e} ${f}`);
  assertEquals(chart({ title: "t", xTitle: "x", yTitle: "y", series: [] }), undefined);
});

/** The numbers of attributes of all elements with a class, in the order of the drawing. */
function attributesOf(text: string, what: string, names: readonly string[]): readonly (readonly number[])[] {
  const elements = [...text.matchAll(new RegExp(`<\\w+ class="${what}"[^>]*>`, "g"))].map(([element]) => element);
  return elements.map((element) => names.map((name) => Number(new RegExp(` ${name}="([^"]*)"`).exec(element)![1])));
}

Deno.test("chart() draws intervals as whiskers, which end at the edge of the drawing", () => {
  const points = [[1, 10, [9, 11]], [2, 20, [-1000, 1000]], [3, 30], [4, 15, [NaN, NaN]]] as const;
  const { text } = chart({ title: "t", xTitle: "x", yTitle: "y", series: [{ name: "s", points }] })!;
  const whiskers = attributesOf(text, "whisker", ["x1", "x2", "y1", "y2"]);
  assertEquals(whiskers.length, 2);
  const [first, second] = whiskers as [readonly number[], readonly number[]];
  assertEquals(first[0], first[1]);
  assertEquals(first[2]! > first[3]!, true, "small values stand below");
  assertEquals(second.slice(2), [230, 28], "the ends of the axis");
  assert(text.includes("s: 10 (9 to 11) at 1"), text);
});

Deno.test("chart() marks the front with a ring and a name at each of its points", () => {
  const series = [{ name: "cheap", points: [[1, 1], [4, 2]] }, { name: "dear", points: [[2, 1], [8, 3]] }] as const;
  const drawn = (front?: "greater" | "smaller"): string =>
    chart({ title: "t", xTitle: "x", yTitle: "y", series, ...(front ? { front } : {}) })!.text;
  const names = (text: string): readonly string[] =>
    [...text.matchAll(/class="label"[^>]*>([^<]*)</g)].map(([, name]) => name!);
  assertEquals(names(drawn("greater")), ["cheap", "cheap", "dear"]);
  assertEquals(names(drawn("smaller")), ["cheap"]);
  assertEquals(names(drawn()), []);
  // Rings lie on the points, and stairs go right before they go up.
  const rings = attributesOf(drawn("greater"), "ring", ["cx", "cy"]);
  const [, stairs] = /class="front" points="([^"]*)"/.exec(drawn("greater"))!;
  const corners = stairs!.split(" ").map((corner) => corner.split(",").map(Number));
  assertEquals([corners[0], corners[2], corners[4]] as unknown, rings);
  assertEquals(corners[1], [rings[1]![0], rings[0]![1]]);
});

Deno.test("chart() has a place for 0 where x + 1 is logarithmic", () => {
  const points = [[0, 1], [9, 2], [99, 3]] as const;
  const { text } = chart({
    title: "t",
    xTitle: "x",
    yTitle: "y",
    logarithmic: "x+1",
    series: [{ name: "s", points }],
  })!;
  const [, line] = /points="([^"]*)"/.exec(text)!;
  const [a, b, c] = line!.split(" ").map((point) => Number(point.split(",")[0]));
  assert(Math.abs(b! - (a! + c!) / 2) < 0.11, `${a} ${b} ${c}`);
  assertEquals([...text.matchAll(/text-anchor="middle">([\d.]+)</g)].map(([, tick]) => tick), ["0", "9", "99"]);
});
