import { assertEquals, assertThrows } from "@std/assert";
import {
  checkedValues,
  choice,
  data,
  defaultsOf,
  file,
  fits,
  flag,
  integer,
  isOption,
  number,
  optionName,
  optionOf,
  optionValue,
  parameterRow,
  required,
  type ValuesOf,
} from "../../parameters/mod.ts";

const PARAMETERS = {
  steps: integer(20, { min: 1, max: 1000 }, "number of steps"),
  etaA: number(0.85, { min: 0, max: 1 }, "fresh noise"),
  threshold: number(undefined, { min: 0 }, "smallest singular value"),
  clipDenoised: flag(true, { option: "no-clip" }, "clamps predictions"),
  useDdim: flag(false, {}, "DDIM steps"),
  rule: choice("share", ["share", "psnr"], { option: "switch-rule" }, "when to switch"),
  mask: file<Float32Array>({}, "what is missing"),
};

Deno.test("the values of parameters have the types of their declarations", () => {
  const values: ValuesOf<typeof PARAMETERS> = defaultsOf(PARAMETERS);
  const rule: "share" | "psnr" = values.rule;
  const mask: Float32Array | undefined = values.mask;
  const threshold: number | undefined = values.threshold;
  assertEquals([values.steps, values.etaA, values.clipDenoised, values.useDdim, rule, mask, threshold], [
    ...[20, 0.85, true, false, "share", undefined, undefined],
  ]);
});

Deno.test("checkedValues() takes what is given, then what is published, then the defaults", () => {
  const values = checkedValues("run x", PARAMETERS, { steps: 5, etaA: undefined, rule: "psnr" }, {
    etaA: 0.5,
    steps: 7,
  });
  assertEquals(values, { ...defaultsOf(PARAMETERS), steps: 5, etaA: 0.5, rule: "psnr" });
  assertEquals(checkedValues("run x", PARAMETERS, { clipDenoised: false }, { clipDenoised: true }).clipDenoised, false);
});

Deno.test("checkedValues() refuses what a parameter cannot be, and says what it must be", () => {
  const refused: readonly (readonly [object, string])[] = [
    [{ steps: 0 }, "Cannot run x: steps is 0, an integer within 1..1000 is needed"],
    [{ steps: 1001 }, "an integer within 1..1000"],
    [{ steps: 2.5 }, "steps is 2.5"],
    [{ steps: "5" }, 'steps is "5"'],
    [{ etaA: NaN }, "etaA is NaN, a number within 0..1 is needed"],
    [{ etaA: 1.01 }, "a number within 0..1"],
    [{ threshold: -1 }, "threshold is -1, a number of at least 0 is needed"],
    [{ threshold: Infinity }, "threshold is Infinity"],
    [{ clipDenoised: "no" }, 'clipDenoised is "no", true or false is needed'],
    [{ rule: "never" }, 'rule is "never", one of "share", "psnr" is needed'],
    [{ stepz: 5 }, 'there is no parameter "stepz"; its parameters are steps, etaA, threshold'],
    [{ toString: 5 }, 'there is no parameter "toString"'],
  ];
  for (const [given, message] of refused) {
    assertThrows(() => checkedValues("run x", PARAMETERS, { ...given }), RangeError, message);
  }
  assertThrows(() => checkedValues("run y", {}, { a: 1 }), RangeError, 'there is no parameter "a"; it has none');
});

const WALK = {
  t0: integer(500, { min: 2, max: "T" }, "first timestep"),
  steps: integer(500, { min: 2, max: "t0" }, "number of steps"),
};

Deno.test("a greatest value may be another parameter, or a limit that is known with what is run", () => {
  const checked = (given: object, T?: number): object =>
    checkedValues("run x", WALK, { ...given }, {}, T === undefined ? {} : { T });
  assertEquals(checked({ t0: 2000, steps: 2000 }), { t0: 2000, steps: 2000 });
  assertEquals(checked({ t0: 500 }, 500), { t0: 500, steps: 500 });
  const refused: readonly (readonly [object, number | undefined, string])[] = [
    [{ t0: 501 }, 500, "t0 is 501, an integer within 2..500 is needed"],
    [{ t0: 300, steps: 301 }, undefined, "steps is 301, an integer within 2..300 is needed"],
    [{ t0: 1 }, undefined, "t0 is 1, an integer within 2..T is needed"],
  ];
  for (const [given, T, message] of refused) assertThrows(() => checked(given, T), RangeError, message);
  assertThrows(() => checked({ t0: 300 }, 1000), RangeError, "steps is 500, an integer within 2..300 is needed");
  assertEquals([fits(WALK.t0, 9, { T: 9 }), fits(WALK.t0, 9, { T: 8 }), fits(WALK.t0, 9)], [true, false, true]);
  assertEquals(optionOf(WALK.t0), { kind: "integer", min: 2, help: "first timestep (500)" });
  assertEquals(parameterRow("t0", WALK.t0)[2], "2..T");
});

Deno.test("an option gives its value; a flag turns its default round unless it sets something", () => {
  assertEquals(optionValue(WALK.t0, 7), 7);
  assertEquals([optionValue(flag(true, {}, ""), true), optionValue(flag(false, {}, ""), true)], [false, true]);
  assertEquals(optionValue(flag(false, { option: "no-clip", sets: false }, ""), true), false);
});

Deno.test("the option of a parameter has its name in kebab case, unless it says otherwise", () => {
  const names = Object.entries(PARAMETERS).map(([name, parameter]) => optionName(name, parameter));
  assertEquals(names, ["steps", "eta-a", "threshold", "no-clip", "use-ddim", "switch-rule", "mask"]);
  assertEquals(optionName("clipDenoised", flag(true, {}, "")), "no-clip-denoised");
});

Deno.test("the option of a parameter has its range and choices, and tells the default", () => {
  assertEquals(optionOf(PARAMETERS.steps), { kind: "integer", min: 1, max: 1000, help: "number of steps (20)" });
  assertEquals(optionOf(PARAMETERS.threshold), { kind: "number", min: 0, help: "smallest singular value" });
  assertEquals(optionOf(PARAMETERS.clipDenoised), { kind: "flag", help: "clamps predictions" });
  assertEquals(optionOf(PARAMETERS.rule), {
    kind: "choice",
    choices: ["share", "psnr"],
    help: "when to switch (share)",
  });
  assertEquals(optionOf(PARAMETERS.mask), { kind: "text", value: "FILE", help: "what is missing" });
});

Deno.test("the row of a parameter shows name, option, values, default and meaning", () => {
  assertEquals(parameterRow("steps", PARAMETERS.steps), ["steps", "--steps", "1..1000", "20", "number of steps"]);
  assertEquals(parameterRow("useDdim", PARAMETERS.useDdim), ["useDdim", "--use-ddim", "yes, no", "no", "DDIM steps"]);
  assertEquals(parameterRow("threshold", PARAMETERS.threshold)[2], "0..");
});

Deno.test("required() makes a parameter that must be given, and says what it must be", () => {
  const parameters = { scale: required<number>(integer(undefined, { min: 1 }, "reduction")) };
  const { scale }: { readonly scale: number } = checkedValues("build x", parameters, { scale: 3 });
  assertEquals(scale, 3);
  assertThrows(
    () => checkedValues("build x", parameters, {}),
    RangeError,
    "Cannot build x: no scale was given, an integer of at least 1 is needed",
  );
  assertEquals(checkedValues("build x", parameters, {}, { scale: 2 }).scale, 2);
});

Deno.test("integers of one parity refuse those of the other", () => {
  const parameters = {
    taps: integer(9, { min: 1, max: 255, parity: "odd" }, "taps"),
    scale: integer(2, { min: -4, parity: "even" }, "reduction"),
  };
  assertEquals(checkedValues("build x", parameters, { taps: 255, scale: -2 }), { taps: 255, scale: -2 });
  const refused = (given: object, message: string): void => {
    assertThrows(() => checkedValues("build x", parameters, { ...given }), RangeError, message);
  };
  refused({ taps: 8 }, "taps is 8, an odd integer within 1..255 is needed");
  refused({ scale: 3 }, "scale is 3, an even integer of at least -4 is needed");
  refused({ scale: -3 }, "scale is -3");
});

Deno.test("data are checked as they say, and are no option", () => {
  const parameters = {
    weights: data<readonly number[]>({ needed: "a list of numbers", fits: Array.isArray }, "weights"),
    steps: integer(3, { programsOnly: true }, "steps"),
    mask: file<Float32Array>({ format: "mask" }, "what is missing"),
  };
  assertEquals(checkedValues("build x", parameters, { weights: [1, 2] }).weights, [1, 2]);
  assertThrows(
    () => checkedValues("build x", parameters, { weights: 5 }),
    RangeError,
    "weights is 5, a list of numbers is needed",
  );
  assertEquals(Object.values(parameters).map(isOption), [false, false, true]);
  assertEquals(Object.entries(parameters).map(([name, one]) => parameterRow(name, one)[1]), ["", "", "--mask"]);
});
