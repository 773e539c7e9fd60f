import { assertEquals, assertThrows } from "@std/assert";
import { readParameters } from "../../restoration/measurement_fields.ts";
import { readNoise } from "../../restoration/options/noise_options.ts";
import { operatorEntry } from "../../operators/mod.ts";

const fail = (found: string): never => {
  throw new Error(found);
};

Deno.test("the noise of a measurement is read with its strength", () => {
  const noise = { gaussian: ["sigma", 0.25], poisson: ["rate", 30], jpeg: ["quality", 40] } as const;
  for (const [kind, [key, value]] of Object.entries(noise)) {
    assertEquals(
      readNoise({ kind, [key]: value }, fail),
      { kind, [key]: value } as unknown as ReturnType<typeof readNoise>,
    );
  }
  assertEquals(readNoise({ kind: "none" }, fail), { kind: "none" });
});

Deno.test("a strength of noise out of its range is refused, its limits are not", () => {
  const strength = (kind: string, key: string, value: unknown): unknown => readNoise({ kind, [key]: value }, fail);
  for (const [kind, key, least, most] of [["gaussian", "sigma", 0, 10], ["jpeg", "quality", 1, 100]] as const) {
    for (const value of [least, most]) assertEquals(strength(kind, key, value), { kind, [key]: value });
    for (const value of [least - 1, most + 1, "1", null]) {
      assertThrows(() => strength(kind, key, value), Error, `a number from ${least} to ${most} is needed`);
    }
  }
  assertThrows(() => readNoise({ kind: "salt" }, fail), Error, "is needed");
});

Deno.test("parameters of a measurement have the type and the choices of theirs", () => {
  const parameters = Object.assign(
    {},
    ...["inpaint", "colorize", "deblur_kernel"].map((name) => operatorEntry(name)!.parameters),
  );
  const read = (values: object): unknown => readParameters(JSON.stringify(values), parameters, fail);
  const good = { sigma: 2, boundary: "reflect", weights: [1, 2], box: { height: 2, width: 3, top: 0, left: 1 } };
  assertEquals<unknown>(read(good), good);
  const refused: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
    [{ sigma: "2" }, "a number within 0.01..10000 is needed"],
    [{ boundary: "open" }, 'one of "circular", "reflect", "unknown" is needed'],
    [{ weights: [1, "2"] }, "a list of numbers is needed"],
    [{ box: { height: 2 } }, "a box of whole numbers is needed"],
    [{ box: { height: 2, width: 0.5 } }, "a box of whole numbers is needed"],
  ];
  for (const [values, message] of refused) assertThrows(() => read(values), Error, message);
});
