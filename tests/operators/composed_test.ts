/** Tasks that are made of tasks: their operators obey the laws, options keep their names, nonsense is refused. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { constant, elementCount, hostTensor, ReferenceRuntime } from "../../engine/mod.ts";
import {
  composedTask,
  isLinear,
  isProjectable,
  type LinearOperator,
  type Operator,
  type OperatorValues,
  project,
  sharedOptions,
  type Task,
  taskOptionsOf,
  TASKS,
  taskValues,
} from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { apply, lawErrors } from "./laws.ts";

function task(...names: readonly string[]): Task {
  return composedTask(names.map((name) => TASKS.get(name)!));
}

/** The operator of a task for pictures of 16 x 32 pixels. */
function built(named: Task, given: OperatorValues = {}, imageShape = [16, 32, 3]): Operator {
  const place = { imageShape, seed: 1, isMeasured: false };
  return named.entry.build(imageShape, taskValues(named, { given, extras: {} }, place));
}

const mask = hostTensor(Float32Array.from({ length: 512 }, (_, i) => (i * 7) % 5 === 0 ? 0 : 1), [16, 32]);

for (
  const [names, given] of [
    [["inpaint", "colorize"], { mask }],
    [["colorize", "inpaint"], { mask }],
    [["sr2", "colorize"], {}],
    [["sr2", "inpaint"], { mask: hostTensor(mask.data.slice(0, 128), [8, 16]) }],
    [["inpaint", "sr2"], { mask }],
    [["sr2", "sr4"], {}],
    [["colorize", "denoise"], {}],
    [["inpaint", "sr2", "colorize"], { mask }],
    // What a diagnosis advises for scratched, grainy and faded photos.
    [["denoise", "inpaint"], { mask }],
    [["old-photo", "denoise"], { mask }],
  ] as const
) {
  Deno.test(`"${names.join(" + ")}" obeys the laws of A, A^T and A^+, which is exact`, async () => {
    const operator = built(task(...names), given) as LinearOperator;
    assert(isLinear(operator) && !operator.isApproximate);
    for (const [law, error] of Object.entries(await lawErrors(new ReferenceRuntime(), operator))) {
      assert(error <= 2e-5, `${law}: error ${error}`);
    }
    assertEquals(operator.name, names.join(" + "));
  });
}

Deno.test("a composition measures what its parts measure one after the other", async () => {
  const [whole, first, second] = [["sr2", "jpeg"], ["sr2"], ["jpeg"]].map((names) => task(...names)) as [
    Task,
    Task,
    Task,
  ];
  const [all, small, compressed] = [
    built(whole, { quality: 20 }),
    built(first) as LinearOperator,
    built(second, { quality: 20 }, [8, 16, 3]),
  ];
  const x = randomValues(2 * elementCount(all.imageShape), 3).map((value) => value / 2);
  const { y, expected } = await apply(new ReferenceRuntime(), all as LinearOperator, x, randomValues(768, 1), (x) => ({
    y: all.forward(x),
    expected: compressed.forward(small.forward(x)),
  }));
  assertEquals(y, expected);
});

Deno.test("pictures are projected onto what was reduced and then compressed: measured again they say the same", async () => {
  for (const names of [["sr2", "jpeg"], ["colorize", "jpeg"], ["jpeg"]]) {
    const operator = built(task(...names), { quality: 10 }, [32, 32, 3]);
    assert(isProjectable(operator) && !isLinear(operator));
    const [x, other] = [3, 4].map((seed) => randomValues(2 * elementCount(operator.imageShape), seed));
    const { moved, y, again } = await apply(
      new ReferenceRuntime(),
      operator as unknown as LinearOperator,
      x!.map((value) => value / 3),
      new Float32Array(2 * elementCount(operator.measurementShape)),
      (x) => {
        const y = operator.forward(x);
        const moved = project(operator, constant(hostTensor(other!, x.shape)), y);
        return { y, moved, again: operator.forward(moved) };
      },
    );
    assert(relativeError(again, y) < 1e-4, `${names.join(" + ")}: ${relativeError(again, y)}`);
    assert(relativeError(moved, other!) > 0.01, "nothing was projected");
  }
});

Deno.test("what a composition is follows from its parts", () => {
  const { scale, channels, multiple, kind, needs, name, isLocal } = task("sr4", "jpeg");
  assertEquals({ scale, channels, multiple, kind, needs, name, isLocal }, {
    scale: 4,
    channels: 3,
    multiple: 4,
    kind: "thumbnail",
    needs: undefined,
    name: "sr4 + jpeg",
    isLocal: true,
  });
  assertEquals(task("sr2", "sr4").scale, 8);
  assertEquals(task("sr2", "cs-block").multiple, 64);
  assertEquals([task("inpaint", "colorize").needs, task("inpaint", "colorize").channels], ["mask", 1]);
  assertEquals(task("sr2", "colorize").kind, "colorization");
  const options = taskOptionsOf(task("inpaint", "jpeg")).map(({ option }) => option).sort();
  assertEquals(options, ["mask", "mask-box", "mask-colour", "mask-keep", "mask-random", "quality"]);
  assertEquals([...sharedOptions(task("inpaint", "outpaint")).keys()].includes("quality"), false);
  assertEquals(task("sr4"), TASKS.get("sr4"));
});

Deno.test("tasks that make no sense one after the other are refused with the reason", () => {
  const refused = (names: readonly string[], reason: string): unknown =>
    assertThrows(() => task(...names), RangeError, reason);
  refused(["colorize", "colorize"], "named twice");
  refused(["colorize", "old-photo"], 'what "old-photo" measures is gray already');
  refused(["cs", "sr2"], 'what "cs" measures is no picture, so it must come last');
});
