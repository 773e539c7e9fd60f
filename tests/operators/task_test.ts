/** Tasks: which options they have, and the parameters that their operators are built with. */
import { assert, assertEquals } from "@std/assert";
import { hostTensor } from "../../engine/mod.ts";
import {
  createDegradation,
  NONLINEAR_OPERATORS,
  type OperatorEntry,
  OPERATORS,
  type OperatorValues,
  taskOptionsOf,
  type TaskPlace,
  TASKS,
  taskValues,
} from "../../operators/mod.ts";

const PLACE: TaskPlace = { imageShape: [32, 64, 3], seed: 7, isMeasured: false };

function values(
  name: string,
  given: OperatorValues = {},
  { extras = {}, ...place }: Partial<TaskPlace> & { readonly extras?: OperatorValues } = {},
): OperatorValues {
  return taskValues(TASKS.get(name)!, { given, extras }, { ...PLACE, ...place });
}

Deno.test("every task belongs to the operator that declares it, which can be built with its values", () => {
  const entries = [...OPERATORS.values(), ...NONLINEAR_OPERATORS.values()];
  assertEquals(TASKS.size, entries.reduce((sum, { tasks }) => sum + tasks.length, 0));
  for (const task of TASKS.values()) {
    assert(task.entry === entries.find(({ name }) => name === task.operator), task.name);
    assert(task.description.length > 0, task.name);
    const { scale, fixed, form, operator: name } = task;
    if ("scale" in task.entry.parameters) assertEquals(fixed["scale"], scale, task.name);
    const operator = createDegradation(name as string, PLACE.imageShape, values(task.name));
    const isPicture = form !== "values";
    if (isPicture) assertEquals(operator.measurementShape, [32 / scale, 64 / scale, task.channels], task.name);
  }
});

Deno.test("every parameter of an operator says what it is, and has a default that it can have", () => {
  for (
    const { name, parameters, extras } of [...OPERATORS.values(), ...NONLINEAR_OPERATORS.values()] as OperatorEntry[]
  ) {
    for (const [key, { help, replaces = [], needs }] of Object.entries({ ...parameters, ...extras })) {
      assert(help.length > 0 && !help.endsWith("."), `${name}.${key}`);
      for (const other of [...replaces, ...(needs ? [needs] : [])]) {
        assert(other in { ...parameters, ...extras }, `${name}.${key}: ${other}`);
      }
    }
  }
});

Deno.test("a task has the options of its operator but those that it decides", () => {
  const options = (name: string): readonly string[] => taskOptionsOf(TASKS.get(name)!).map(({ option }) => option);
  assertEquals(options("sr4"), []);
  assertEquals(options("cs-block"), ["ratio"]);
  assertEquals(options("sr4-kernel"), ["kernel", "blur-sigma", "blur-taps"]);
  const decided = { ...TASKS.get("hdr")!, fixed: { gain: 3 } };
  assertEquals([options("hdr"), taskOptionsOf(decided)], [["gain"], []]);
  assertEquals(taskValues(decided, { given: { gain: 5 }, extras: {} }, PLACE), { gain: 3 });
  assertEquals(options("inpaint"), ["mask", "mask-random", "mask-keep", "mask-colour", "mask-box"]);
});

Deno.test("taskValues() takes what the task decides, what is given, what the place says, and the defaults", () => {
  assertEquals(values("cs-block"), { ratio: 0.25, seed: 7, block: 32 });
  assertEquals(values("cs-block", { ratio: 0.5 }), { ratio: 0.5, seed: 7, block: 32 });
  assertEquals(values("hdr"), { gain: 2 });
  assertEquals(values("deblur-uniform"), { taps: 9, threshold: 0.03 });
  assertEquals(values("deblur-uniform", {}, { isMeasured: true }), { taps: 9, threshold: 0.1 });
  assertEquals(values("deblur-uniform", { threshold: 0.2 }, { isMeasured: true }), { taps: 9, threshold: 0.2 });
});

Deno.test("taskValues() leaves out what something that is given replaces", () => {
  const psf = hostTensor(Float32Array.of(1), [1, 1]);
  assertEquals(values("sr2-kernel"), { scale: 2, sigma: 1.6, taps: 25 });
  assertEquals(values("sr2-kernel", { psf }), { scale: 2, psf });
  const mask = hostTensor(new Float32Array(32 * 64), [32, 64]);
  assertEquals(values("inpaint", { mask }), { mask });
  assertEquals(values("inpaint", { missing: 0.5 }), { missing: 0.5, seed: 7 });
  assertEquals(values("inpaint"), { box: { height: 12, width: 24 }, seed: 7 });
  assertEquals(values("inpaint", {}, { extras: { box: 0.5 } }), { box: { height: 16, width: 32 }, seed: 7 });
});

Deno.test("taskValues() makes lengths in pixels smaller with the picture, and keeps numbers of taps odd", () => {
  const small = (given: OperatorValues): OperatorValues => values("deblur", given, { reduction: 4 });
  assertEquals(small({ sigma: 10, taps: 21 }), { variant: "true", sigma: 2.5, taps: 5, threshold: 0.03 });
  assertEquals(small({ sigma: 10, taps: 25 })["taps"], 7);
  assertEquals(small({ sigma: 0.02, taps: 1 }), { variant: "true", sigma: 0.01, taps: 1, threshold: 0.03 });
  assertEquals(values("deblur-motion", { intensity: 0.8 }, { reduction: 4 })["intensity"], 0.8);
});
