/** Runs that are saved and go on, with a store in memory. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { hostTensor, ReferenceRuntime } from "../../engine/mod.ts";
import { bytesByteSource, safetensorsBytes } from "../../models/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import {
  chooseMethod,
  type IdentifiedModel,
  restoreBy,
  runIdentity,
  type RunSubject,
  SavedRun,
  type SaveSetting,
  type StateStore,
  TASKS,
} from "../../restoration/mod.ts";
import { gaussianModel } from "../samplers/gaussian_model.ts";
import { randomValues } from "../support/random.ts";

const SHAPE = [4, 4, 3];
const PROBLEM = {
  model: gaussianModel(randomValues(48, 1), 0.2, SHAPE),
  operator: createOperator("sr_average", SHAPE, { scale: 2 }),
  y: hostTensor(randomValues(12, 2), [1, 2, 2, 3]),
  sigmaY: 0,
};
const TASK = TASKS.get("sr2")!;
const OPTIONS = { method: "ddnm", steps: 5, seed: 4 };
const SUBJECT: RunSubject = {
  runtime: new ReferenceRuntime(),
  loaded: {
    name: "m",
    sha256: "5",
    model: { parameterCount: 7, config: { imageSize: 4 } },
  } as unknown as IdentifiedModel,
  task: TASK,
  method: chooseMethod(OPTIONS, TASK),
  options: OPTIONS,
  seed: 4,
  files: ["ab"],
  program: { name: "test" },
};

/** A store in memory, and what was said of it. */
class Memory implements StateStore {
  readonly name = "out.png.state";
  readonly notes: string[] = [];
  bytes: Uint8Array | undefined;
  writes = 0;
  fails = false;

  read(): ReturnType<StateStore["read"]> {
    const source = this.bytes && { ...bytesByteSource(this.bytes, this.name), [Symbol.dispose]: () => {} };
    return Promise.resolve(source);
  }

  async write(contents: Parameters<StateStore["write"]>[0]): Promise<void> {
    if (this.fails) throw new Error("the disk is full");
    this.writes++;
    this.bytes = await safetensorsBytes(contents);
  }

  remove(): Promise<void> {
    this.bytes = undefined;
    return Promise.resolve();
  }
}

/** Takes steps of a run until one of them, behind which it is given up; undefined: to its end. */
async function go(
  memory: Memory,
  { subject = SUBJECT, until, ...setting }: Partial<SaveSetting> & {
    readonly subject?: RunSubject;
    readonly until?: number;
  } = {},
): Promise<{ readonly steps: readonly number[]; readonly image: unknown }> {
  const note = (text: string) => void memory.notes.push(text);
  const saved = await SavedRun.open(memory, runIdentity(subject), { every: 0, note, ...setting });
  const steps: number[] = [];
  let image: unknown;
  const from = { seed: subject.seed, from: saved.from };
  for await (const step of restoreBy(subject.runtime, subject.method, PROBLEM, from)) {
    steps.push(step.step);
    await saved.step(step);
    image = step.image;
    if (step.step !== until) continue;
    await saved.stop();
    return { steps, image };
  }
  await saved.finish();
  return { steps, image };
}

Deno.test("a run that is given up goes on where it was saved, gives the same picture, and takes its state away", async () => {
  const whole = await go(new Memory());
  const memory = new Memory();
  assertEquals((await go(memory, { until: 2 })).steps, [1, 2]);
  assertEquals([memory.writes, memory.notes.splice(0)], [2, [
    'The same command goes on behind step 2 from "out.png.state"',
  ]]);
  const rest = await go(memory);
  assertEquals(memory.notes, ['Goes on at step 3 of 5 from "out.png.state"']);
  assertEquals([rest.steps, memory.bytes], [[3, 4, 5], undefined]);
  assertEquals(rest.image, whole.image);
  assertEquals(memory.writes, 4, "not behind the last step");
});

Deno.test("a run that is short leaves nothing, and one that is not saved often is saved when it is given up", async () => {
  const memory = new Memory();
  await go(memory, { every: undefined, until: 2 });
  assertEquals([memory.writes, memory.notes], [0, []]);
  await go(memory, { every: 1000, until: 2 });
  assertEquals(memory.writes, 1);
  assertEquals((await go(memory)).steps, [3, 4, 5]);
});

Deno.test("options that change nothing in what is computed do not matter to a state, all others do", async () => {
  const memory = new Memory();
  await go(memory, { until: 2 });
  const state = memory.bytes!;
  const told = { ...OPTIONS, json: true, out: "there.png", strict: true, sheet: true, samples: 1, "save-every": 0 };
  assertEquals((await go(memory, { subject: { ...SUBJECT, options: told } })).steps, [3, 4, 5]);
  const model = (SUBJECT.loaded as { model: unknown }).model;
  const others: readonly (readonly [string, Partial<RunSubject>])[] = [
    ["seed", { seed: 5 }],
    ["input", { files: ["ac"] }],
    ["input", { files: ["ab", "mask"] }],
    ["program", { program: { name: "another" } }],
    ["options, method", { options: { ...OPTIONS, steps: 4 }, method: chooseMethod({ ...OPTIONS, steps: 4 }, TASK) }],
    ["options", { options: { ...OPTIONS, size: 4 } }],
    ["model", { loaded: { name: "m", sha256: "6", model } as unknown as IdentifiedModel }],
    ["task", { task: TASKS.get("sr4")! }],
    ["adapter", { runtime: Object.assign(new ReferenceRuntime(), { description: "another" }) }],
  ];
  for (const [names, other] of others) {
    memory.bytes = state;
    memory.notes.length = 0;
    const { steps } = await go(memory, { subject: { ...SUBJECT, ...other }, every: undefined });
    assertEquals(steps[0], 1, names);
    assertEquals(memory.notes, [`"out.png.state" is left out of account: it is of a run with another ${names}`]);
    assertEquals(memory.bytes, undefined, "it is of no use any more");
  }
});

Deno.test("a state that is damaged, or no state, is told of and left alone", async () => {
  const memory = new Memory();
  await go(memory, { until: 2 });
  for (const bytes of [memory.bytes!.slice(0, -9), new TextEncoder().encode("my notes")]) {
    memory.bytes = bytes;
    memory.notes.length = 0;
    assertEquals((await go(memory, { every: undefined })).steps, [1, 2, 3, 4, 5]);
    assertEquals([memory.notes.length, memory.bytes], [1, bytes]);
    assertStringIncludes(memory.notes[0]!, '"out.png.state" is left out of account: Cannot');
  }
});

Deno.test("a run that cannot be saved says so once, and ends well", async () => {
  const memory = new Memory();
  memory.fails = true;
  assertEquals((await go(memory)).steps, [1, 2, 3, 4, 5]);
  await go(memory, { refusal: "--trace holds all steps of a run", until: 3 });
  assertEquals(memory.notes, [
    "The run is not saved, and begins again if it is stopped: the disk is full",
    "The run is not saved, and begins again if it is stopped: --trace holds all steps of a run",
  ]);
});
