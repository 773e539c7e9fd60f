import { assertEquals } from "@std/assert";
import { csv, percent, size, textColumns, time } from "../../report/mod.ts";

Deno.test("csv() quotes what would break a line or a cell, and leaves empty what is no number", () => {
  assertEquals(
    csv([["a,b", 'say "x"', "two\nlines"], [undefined, NaN, Infinity], ["plain", 1.5, 0]]),
    '"a,b","say ""x""","two\nlines"\n,,inf\nplain,1.5,0\n',
  );
});

Deno.test("textColumns() puts the first column to the left and the others to the right, without blanks at the end", () => {
  assertEquals(
    textColumns([["kernel", "ms"], ["conv2d.tiled", "10.25"], ["fill"]]),
    [
      "kernel           ms",
      "conv2d.tiled  10.25",
      "fill",
    ].join("\n"),
  );
});

Deno.test("times and bytes change their unit where three digits would no longer tell them", () => {
  assertEquals([0.0994, 0.0995, 99.94, 99.95, 999.6, 1000].map(time), [
    "99.4 us",
    "0.0995 ms",
    "99.9 ms",
    "100 ms",
    "1000 ms",
    "1.00 s",
  ]);
  assertEquals([99_900, 1e5, 999e6, 1e9].map(size), ["99.9 kB", "0.1 MB", "999.0 MB", "1.00 GB"]);
  assertEquals([percent(0.1234), percent(0.1234, 0)], ["12.3 %", "12 %"]);
});
