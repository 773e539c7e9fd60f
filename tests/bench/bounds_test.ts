import { assertEquals } from "@std/assert";
import { checkBounds } from "../../bench/bounds.ts";
import type { NetworkRow } from "../../bench/row.ts";
import { NETWORK_ROW } from "./sample_rows.ts";

function failures(changes: Partial<NetworkRow>): readonly string[] {
  return checkBounds({ ...NETWORK_ROW, ...changes }).filter(({ ok }) => !ok).map(({ quantity }) => quantity);
}

Deno.test("checkBounds() passes a row within all bounds", () => {
  assertEquals(failures({}), []);
});

Deno.test("checkBounds() fails an evaluation that takes a second", () => {
  assertEquals(failures({ nfeMilliseconds: { median: 1000, min: 900, max: 1100, samples: 5 } }), [
    "time per evaluation",
  ]);
});

Deno.test("checkBounds() fails a cold start of 16 seconds", () => {
  const total = { ...NETWORK_ROW.coldStartMilliseconds, total: 16000 };
  assertEquals(failures({ coldStartMilliseconds: total }), ["cold start"]);
});

Deno.test("checkBounds() fails a process of 560 MB", () => {
  assertEquals(failures({ peakProcessBytes: 560e6 }), ["peak memory of the process"]);
});

Deno.test("checkBounds() fails 5 ms of host time, and values that are not numbers", () => {
  assertEquals(failures({ hostMilliseconds: { median: 5, min: 1, max: 6, samples: 5 } }), ["host time per replay"]);
  assertEquals(failures({ peakProcessBytes: NaN }), ["peak memory of the process"]);
});
