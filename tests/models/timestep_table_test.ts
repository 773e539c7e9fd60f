import { assertEquals, assertThrows } from "@std/assert";
import { ddpmTimestepTable, guidedTimestepTable } from "../../models/timestep_table.ts";
import { assertClose } from "../support/close.ts";
import { openGolden } from "./golden_file.ts";

for (const [kind, table] of [["guided", guidedTimestepTable], ["ddpm", ddpmTimestepTable]] as const) {
  for (const width of [32, 33, 128]) {
    Deno.test(`${kind}TimestepTable() reproduces the recorded embedding of width ${width}`, async () => {
      const golden = await openGolden("ops-basic");
      const timesteps = await golden.readFloat32("temb.t");
      const { data, shape } = table(timesteps, width);
      assertEquals(shape, [timesteps.length, width]);
      assertClose(data, await golden.readFloat32(`temb.${kind}.${width}`), 1e-4);
    });
  }
}

Deno.test("timestep tables take fractional timesteps and are exact sines and cosines", () => {
  const t = 617.25;
  const slow = 10000 ** -0.5;
  assertClose(
    guidedTimestepTable([t], 4).data,
    [Math.cos(t), Math.cos(t * slow), Math.sin(t), Math.sin(t * slow)],
    1e-7,
  );
  assertClose(
    ddpmTimestepTable([t], 5).data,
    [Math.sin(t), Math.sin(t / 10000), Math.cos(t), Math.cos(t / 10000), 0],
    1e-7,
  );
});

Deno.test("timestep tables reject widths without a frequency", () => {
  assertThrows(() => guidedTimestepTable([0], 1), RangeError, "at least 2");
  assertThrows(() => ddpmTimestepTable([0], 3), RangeError, "at least 4");
});
