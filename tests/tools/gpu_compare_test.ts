import { assertEquals, assertThrows } from "@std/assert";
import { type CardTable, compare } from "../../tools/gpu/compare.ts";
import { CARD_NAMES, COMPILED_CARDS } from "../../tools/gpu/cards.ts";
import { settingsOf } from "../../tools/gpu/lint.ts";
import { cardReport } from "../../tools/gpu/report.ts";
import type { KernelFigures } from "../../tools/gpu/statistics.ts";
import { readTable, storedTable, storeTable, writeTable } from "../../tools/gpu/table.ts";
import { UsageError } from "../../parameters/mod.ts";

const FIGURES: KernelFigures = { registers: 96, spills: 0, occupancy: 10, instructions: 900, hotLoop: 500 };

function table(figures: Partial<KernelFigures> = {}, { key = "a", compiler = "ACO, Mesa 1" } = {}): CardTable {
  return { card: "a card", compiler, kernels: new Map([[key, { ...FIGURES, ...figures }]]) };
}

/** The findings against `FIGURES`, with "fails" before what fails. */
function found(figures: Partial<KernelFigures>, stored: CardTable | undefined = table()): readonly string[] {
  return compare(table(figures), stored).map(({ fails, text }) => fails ? `fails: ${text}` : text);
}

Deno.test("a spill fails, whatever is stored", () => {
  assertEquals(found({ spills: 2 }), ["fails: 2 spills, stored 0"]);
  assertEquals(found({ spills: 2 }, table({ spills: 2 })), ["fails: 2 spills, stored 2"]);
  assertEquals(compare(table({ spills: 2 }), undefined).map(({ fails, text }) => [fails, text]), [[true, "2 spills"]]);
  assertEquals(found({}, table({ spills: 2 })), ["better: spills 2 -> 0"]);
});

Deno.test("worse counts fail, better ones are told, equal and unjudged ones are not", () => {
  assertEquals(found({}), []);
  assertEquals(found({ hotLoop: 501 }), ["fails: worse: instructions in the hot loop 500 -> 501"]);
  assertEquals(found({ hotLoop: 499 }), ["better: instructions in the hot loop 500 -> 499"]);
  assertEquals(found({ occupancy: 8 }), ["fails: worse: occupancy 10 -> 8"]);
  assertEquals(found({ occupancy: 12 }), ["better: occupancy 10 -> 12"]);
  assertEquals(found({ registers: 200, instructions: 2000 }), []);
});

Deno.test("counts of another version of the compiler are told and fail nothing, spills do", () => {
  const stored = table({}, { compiler: "ACO, Mesa 2" });
  assertEquals(found({ hotLoop: 501, occupancy: 12, spills: 1 }, stored), [
    "fails: 1 spills, stored 0",
    "better, by another compiler: occupancy 10 -> 12",
    "worse, by another compiler: instructions in the hot loop 500 -> 501",
  ]);
});

Deno.test("kernels that are new or gone fail: no table speaks of them", () => {
  const findings = compare(table({}, { key: "b" }), table());
  assertEquals(findings, [
    { key: "b", fails: true, text: "is not in the stored table" },
    { key: "a", fails: true, text: "is stored, and no plan uses it" },
  ]);
  assertEquals(compare(table(), undefined), []);
});

Deno.test("a table is written one kernel a line, by name, and read again", async () => {
  const two: CardTable = { ...table(), kernels: new Map([["b", { ...FIGURES, spills: 3 }], ["a", FIGURES]]) };
  const text = writeTable(two);
  assertEquals(text.split("\n").slice(4, 7), [
    '  "kernels": {',
    '    "a": [96, 0, 10, 500, 900],',
    '    "b": [96, 3, 10, 500, 900]',
  ]);
  assertEquals(readTable(text), two);
  for (const wrong of [text.replace('"spills", ', ""), text.replace("96, 0", "96"), text.replace("96, 0", "96, 0.5")]) {
    assertThrows(() => readTable(wrong), SyntaxError, "Cannot read");
  }
  const path = await Deno.makeTempDir();
  const folder = new URL(`file://${path}/tables/`);
  try {
    assertEquals(await storedTable("card", folder), undefined);
    await storeTable("card", two, folder);
    assertEquals(await storedTable("card", folder), two);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a report shows every kernel, what is stored where it differs, and the findings", () => {
  const now = table({ hotLoop: 501 });
  const text = cardReport(COMPILED_CARDS.rdna3, now, {
    stored: table(),
    findings: compare(now, table()),
    seconds: 1.25,
  });
  const lines = text.split("\n");
  assertEquals(lines[0]!.includes("1 kernels in 1.3 s; occupancy in subgroups per SIMD"), true, lines[0]);
  assertEquals(lines[2]!.replaceAll(/ +/g, " "), "a 96 0 10 501 (500) 900");
  assertEquals(lines[3], "  fails: a: worse: instructions in the hot loop 500 -> 501");
});

Deno.test("the command line names known cards, and a table is not written of a few kernels", () => {
  assertEquals(settingsOf([]), { cards: [...CARD_NAMES, "tint"], write: false, update: false, kernels: undefined });
  assertEquals(settingsOf(["--cards", "m1,tint", "--write"]), {
    cards: ["m1", "tint"],
    write: true,
    update: false,
    kernels: undefined,
  });
  assertThrows(() => settingsOf(["--cards", "voodoo"]), UsageError, '"voodoo" is no card');
  assertThrows(() => settingsOf(["--write", "--kernels", "a"]), UsageError, "exclude each other");
});

Deno.test("no kernel of the stored tables spills", async () => {
  for (const name of CARD_NAMES) {
    const spilled = [...(await storedTable(name))!.kernels].filter(([, { spills }]) => spills > 0);
    assertEquals(spilled, [], name);
  }
});
