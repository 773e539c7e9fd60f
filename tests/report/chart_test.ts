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
