/** The list of operators: one line each, whose order is that of the registers. */
import { assertEquals } from "@std/assert";
import * as ENTRIES from "../../operators/entries.ts";
import { NONLINEAR_OPERATORS, type OperatorEntry, OPERATORS } from "../../operators/mod.ts";

Deno.test("operators stand in the registers in the order of the lines of their list", async () => {
  const lines = await Deno.readTextFile(new URL("../../operators/entries.ts", import.meta.url));
  const entries: Readonly<Record<string, OperatorEntry>> = ENTRIES;
  const listed = [...lines.matchAll(/^export \{ (?:\w+ as )?(\w+) \} from/gm)].map(([, name]) => entries[name!]!);
  const names = (isLinear: boolean): readonly string[] =>
    listed.filter((entry) => entry.isLinear === isLinear).map(({ name }) => name);
  assertEquals(listed.map(({ name }) => entries[name]), listed);
  assertEquals([...OPERATORS.keys()], names(true));
  assertEquals([...NONLINEAR_OPERATORS.keys()], names(false));
});
