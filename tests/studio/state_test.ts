import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Painting } from "../../studio/picture/painting.ts";
import { panned, pictureAt, placement, WHOLE, zoomed } from "../../studio/picture/view.ts";
import type { Control, OnProgress, OnStep, Request, Restored, StudioFailure } from "../../studio/protocol.ts";
import { groupTasks, initialOf, problemOf, shownControls, valuesOf, withEntry } from "../../studio/settings.ts";
import { Studio } from "../../studio/studio.ts";
import { bytes, counted, duration, milliseconds, short } from "../../studio/words.ts";
import {
  ETA,
  fakeEngine,
  picture,
  PLAN,
  REGISTERS,
  RESTORED,
  restored,
  SCALE,
  step,
  task,
  WIDTH,
} from "./fake_engine.ts";

/** Waits until plans that were asked for without delay are there. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

async function opened(
  replaced: Parameters<typeof fakeEngine>[0] = {},
): Promise<ReturnType<typeof fakeEngine> & { studio: Studio }> {
  const fake = fakeEngine(replaced);
  const studio = new Studio(fake.engine, 0);
  await studio.start();
  await studio.bring(new File([], "photo.png", { type: "image/png" }));
  await settled();
  return { ...fake, studio };
}

Deno.test("groupTasks() joins tasks that do the same, and names them by their own words", () => {
  const groups = groupTasks([
    ...REGISTERS.tasks,
    task("ct", "computed tomography: from sums"),
    task("sr", "enlarge by any factor up to 16: --scale N"),
  ]);
  assertEquals(groups.map(({ title, tasks }) => [title, tasks.length]), [
    ["Compressed sensing: from products", 1],
    ["Enlarge", 3],
    ["Fill what a mask marks", 1],
    ["Computed tomography: from sums", 1],
  ]);
});

Deno.test("problemOf() tells what an entry must be", () => {
  assertEquals(["1", "16", "0", "17", "1.5", "x"].map((entry) => problemOf(SCALE, entry) === null), [
    ...[true, true, false, false, false, false],
  ]);
  assertEquals(problemOf(SCALE, "17"), "Needed is an integer from 1 to 16.");
  assertEquals(problemOf({ ...SCALE, parity: "odd" }, "4"), "Needed is an odd integer from 1 to 16.");
  assertEquals(problemOf(ETA, "0,5"), null);
  assertEquals(problemOf({ ...ETA, kind: "choice", choices: ["a", "b"] }, "c"), "Needed is one of a, b.");
});

Deno.test("withEntry() and valuesOf() leave out what is empty, excluded, or needs another", () => {
  const entries = withEntry(withEntry({}, SCALE, "4"), WIDTH, "640");
  assertEquals(entries, { width: "640" });
  assertEquals(withEntry(entries, WIDTH, ""), {});
  const needing = { ...ETA, needs: "scale" };
  assertEquals(valuesOf([WIDTH, needing], { width: "640", eta: "1" }), { options: { width: 640 }, problems: {} });
  assertEquals(valuesOf([SCALE, needing], { scale: "4", eta: "1" }).options, { scale: 4, eta: 1 });
  assertEquals(Object.keys(valuesOf([ETA], { eta: "2" }).problems), ["eta"]);
});

Deno.test("shownControls() and initialOf() follow what is restored", () => {
  assertEquals(shownControls([SCALE, WIDTH, { ...SCALE, kind: "mask" }], true), [SCALE, WIDTH]);
  assertEquals(shownControls([SCALE, WIDTH], false), [WIDTH]);
  assertEquals([initialOf(ETA), initialOf(ETA, { eta: 0.1 }), initialOf(WIDTH)], ["0.85", "0.1", "automatic"]);
});

Deno.test("numbers are told in words", () => {
  assertEquals([400, 12_300, 240_000, 9_000_000, 4.3e8].map(duration), [
    "under 1 s",
    "about 12 s",
    "about 4 min",
    "about 2.5 h",
    "about 5 days",
  ]);
  assertEquals([999, 3.1e8, 2.15e9].map(bytes), ["999 B", "310 MB", "2.1 GB"]);
  assertEquals([short(4.5e6), short(900), milliseconds(0.4234), milliseconds(41.4)], [
    "4.5 M",
    "900",
    "0.42 ms",
    "41 ms",
  ]);
  assertEquals([counted(1, "evaluation"), counted(29, "evaluation")], ["1 evaluation", "29 evaluations"]);
});

Deno.test("a view keeps the point under the pointer and stays within the picture", () => {
  const [box, size] = [{ width: 800, height: 400 }, { width: 100, height: 100 }];
  assertEquals(placement(WHOLE, box, size), { left: 200, top: 0, width: 400, height: 400 });
  const at = { x: 450, y: 150 };
  const before = pictureAt(WHOLE, box, size, at);
  const near = zoomed(WHOLE, box, size, 4, at);
  const after = pictureAt(near, box, size, at);
  assertAlmostEquals(after.x, before.x, 1e-9);
  assertAlmostEquals(after.y, before.y, 1e-9);
  const moved = placement(panned(near, box, size, { x: 1e4, y: -1e4 }), box, size);
  assertAlmostEquals(moved.left, 0, 1e-9);
  assertAlmostEquals(moved.top + moved.height, box.height, 1e-9);
  assertEquals(zoomed(near, box, size, 1e-3, at), WHOLE);
});

Deno.test("Painting covers lines, and takes strokes back one by one", () => {
  const painting = new Painting({ width: 5, height: 3 });
  painting.begin();
  painting.line({ x: 0.5, y: 1.5 }, { x: 4.5, y: 1.5 }, 1, 1);
  painting.end();
  const line = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
  assertEquals([...painting.data], line);
  assertAlmostEquals(painting.share(), 1 / 3, 1e-12);
  painting.begin();
  painting.line({ x: 2.5, y: 1.5 }, { x: 2.5, y: 1.5 }, 1, 0);
  painting.end();
  assertEquals(painting.data[7], 0);
  painting.begin();
  painting.line({ x: 0, y: 0 }, { x: 9, y: 9 }, 4, 1);
  painting.cancel();
  painting.undo();
  assertEquals([...painting.data], line);
  painting.clear();
  assertEquals(painting.share(), 0);
  painting.undo();
  painting.undo();
  assertEquals([painting.share(), painting.canUndo], [0, false]);
});

Deno.test("a picture is planned, restored and shown against what was there", async () => {
  let onStep: OnStep | undefined;
  let finish: ((restored: Restored) => void) | undefined;
  const { studio } = await opened({
    restore: (_request, told) => {
      onStep = told;
      return new Promise((resolve) => void (finish = resolve));
    },
  });
  assertEquals(studio.request.value!.options, { task: "sr2" });
  assertEquals([studio.forecast.value, studio.pace.value], [100, 25]);
  assertEquals(studio.outlook.value!.command, "restore --task sr2");
  const running = studio.restore();
  onStep!(step(1));
  assertEquals([studio.right.value!.label, studio.forecast.value, studio.said.value], [
    ...["Predicted at step 1 of 4", 40, "25 percent done."],
  ]);
  finish!(RESTORED);
  await running;
  assertEquals([studio.left.value!.label, studio.right.value!.label], ["Damaged", "Seed 0"]);
  assertEquals([studio.pace.value, studio.forecast.value], [8, 32]);
  const file = await studio.save(RESTORED.pictures[0]!);
  assertEquals(file!.name, "photo-restored-seed0.png");
});

Deno.test("of a good picture the damaged one is compared, and older results are let go", async () => {
  let id = 10;
  const { studio, calls } = await opened({
    restore: () => Promise.resolve({ ...RESTORED, pictures: [restored(id++)], measurement: picture(0) }),
  });
  studio.isDegraded.value = true;
  await studio.restore();
  assertEquals(studio.layers.value.map(({ label }) => label), ["Good picture", "Damaged", "Seed 0"]);
  assertEquals(studio.left.value!.key, "measurement");
  studio.comparedKey.value = "picture";
  assertEquals(studio.left.value!.label, "Good picture");
  await studio.restore();
  assertEquals(calls.filter(([name]) => name === "forget"), [["forget", 10]]);
  await studio.bring("portrait");
  await settled();
  assertEquals(studio.isDegraded.value, true);
  assertEquals(calls.filter(([name]) => name === "forget").at(-1), ["forget", 1, 11]);
});

Deno.test("what is missing for a restoration is said, and a painted mask goes along", async () => {
  const { studio } = await opened();
  studio.chooseTask(REGISTERS.tasks[3]!);
  assertEquals(studio.missing.value, "Paint over what is missing in the picture.");
  assertEquals(studio.request.value, null);
  const painting = studio.painting.value!;
  painting.begin();
  painting.line({ x: 0.5, y: 0.5 }, { x: 0.5, y: 0.5 }, 1, 1);
  painting.end();
  studio.painted();
  assertEquals([...studio.request.value!.mask!.known], [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  studio.seed.value = "-1";
  assertEquals(studio.missing.value, "Correct the marked settings.");
  studio.seed.value = "5";
  studio.chooseTask(REGISTERS.tasks[1]!);
  studio.enter(SCALE, "4");
  studio.enter(ETA, "0.5");
  assertEquals(studio.request.value, { picture: 1, options: { task: "sr2", eta: 0.5 }, seed: 5, samples: 1 });
  studio.isDegraded.value = true;
  studio.methodName.value = "fast";
  assertEquals(studio.request.value!.options, { task: "sr2", degrade: true, method: "fast", scale: 4 });
  studio.isDegraded.value = false;
  studio.chooseTask(REGISTERS.tasks[0]!);
  assert(studio.isDegraded.value);
});

Deno.test("a plan that comes late is not shown, and only the last request is planned behind it", async () => {
  const plans: ((evaluations: number) => void)[] = [];
  const { studio } = await opened({
    plan: (_request: Request) =>
      new Promise((resolve) => plans.push((evaluations) => resolve({ ...PLAN, evaluations }))),
  });
  studio.methodName.value = "slow";
  await settled();
  studio.methodName.value = "fast";
  await settled();
  plans[0]!(1);
  await settled();
  assertEquals(studio.outlook.value!.plan, null);
  plans[1]!(2);
  await settled();
  assertEquals([studio.outlook.value!.plan!.evaluations, plans.length], [2, 2]);
});

Deno.test("progress that is told behind the end is not shown", async () => {
  let told: OnProgress | undefined;
  const { studio } = await opened({
    openModel: (_source, onProgress) => {
      told = onProgress;
      return fakeEngine().engine.openModel("prior");
    },
  });
  told!(1, 1);
  assertEquals(studio.busy.value, null);
});

Deno.test("what went wrong is told and can be tried again; a stop is no trouble", async () => {
  const failures: StudioFailure[] = [{ kind: "lost", message: "gone" }, { kind: "stopped", message: "" }];
  const { studio } = await opened({
    restore: () => failures.length > 0 ? Promise.reject(failures.shift()) : Promise.resolve(RESTORED),
  });
  await studio.restore();
  assertEquals([studio.trouble.value!.failure.message, studio.run.value], ["gone", null]);
  await studio.trouble.value!.again!();
  assertEquals([studio.trouble.value, studio.said.value, studio.result.value], [null, "Stopped.", null]);
  await studio.restore();
  assertEquals(studio.result.value!.restored, RESTORED);
});

Deno.test("a picture that says how it was made sets the controls and leaves the one that is open", async () => {
  const parameters = { options: { task: "sr4", method: "fast", degrade: true, width: 9 }, seed: 3, notes: ["A note."] };
  const made = picture(2, { name: "made.png", parameters });
  let next = picture(1);
  const { studio } = await opened({ read: () => Promise.resolve(next) });
  next = made;
  await studio.bring(new File([], "made.png", { type: "image/png" }));
  assertEquals([studio.picture.value!.id, studio.taskName.value, studio.methodName.value], [1, "sr4", "fast"]);
  assertEquals([studio.isDegraded.value, studio.seed.value, studio.entries.value], [true, "3", { width: "9" }]);
  assertEquals(studio.notes.value, ["The settings are those of made.png.", "A note."]);
  studio.openOffered();
  assertEquals([studio.picture.value!.id, studio.offered.value], [2, null]);
});

Deno.test("a file that is no picture is opened as a network", async () => {
  const { studio, calls } = await opened();
  await studio.bring(new File([], "model.pt"));
  assertEquals(calls.filter(([name]) => name === "openModel").length, 2);
  assertEquals(studio.said.value, "prior is open.");
  await settled();
  assertEquals(calls.filter(([name]) => name === "plan").length, 2);
});

Deno.test("a mask of a file takes the place of the painting, is swapped, and is undone", async () => {
  const known = Uint8Array.from({ length: 12 }, (_, pixel) => pixel < 4 ? 0 : 1);
  const { studio } = await opened({
    readMask: () => Promise.resolve({ mask: { width: 4, height: 3, known }, notes: ["A note."] }),
  });
  studio.taskName.value = "inpaint";
  await studio.bringMask(new File([], "mask.png"));
  const painting = studio.painting.value!;
  assertEquals([painting.share(), studio.notes.value], [1 / 3, ["A note."]]);
  assertEquals(studio.request.value!.mask!.known, known);
  painting.invert();
  assertEquals(painting.share(), 2 / 3);
  painting.undo();
  painting.undo();
  assertEquals(painting.share(), 0);
});

Deno.test("a kernel of a file goes with the request beside the options until it is removed", async () => {
  const control: Control = { option: "kernel", kind: "kernel", help: "", default: null, excludes: ["width"] };
  const registers = { ...REGISTERS, tasks: [task("deblur", "sharpen", { controls: [control, WIDTH] })] };
  const { studio, calls } = await opened({ tasks: () => Promise.resolve(registers) });
  studio.enter(WIDTH, "3");
  await studio.bringKernel(control, new File([], "kernel.txt"));
  assertEquals(studio.entries.value, { kernel: "kernel.txt" });
  assertEquals([studio.request.value!.kernel, studio.request.value!.options], [9, { task: "deblur" }]);
  await studio.bringKernel(control, null);
  assertEquals([studio.request.value!.kernel, studio.entries.value], [undefined, {}]);
  assertEquals(calls.filter(([name]) => name === "forget"), [["forget", 9]]);
});

Deno.test("the adapter is compared file by file, and closing the window stops that", async () => {
  const file = { file: "a", about: "A", number: 1, files: 2, quantities: [] };
  let end: (failure?: StudioFailure) => void = () => {};
  const { studio, calls } = await opened({
    verify: async (onChecked) => {
      await onChecked(file);
      await new Promise<void>((resolve, reject) => end = (failure) => failure ? reject(failure) : resolve());
    },
  });
  const running = studio.checkAdapter();
  await settled();
  assertEquals([studio.window.value, studio.checkup.value], ["check", {
    files: [file],
    isRunning: true,
    failure: null,
  }]);
  studio.closeWindow();
  assertEquals([studio.window.value, calls.at(-1)![0]], [null, "stop"]);
  end({ kind: "stopped", message: "" });
  await running;
  assertEquals(studio.checkup.value, null);
  const again = studio.checkAdapter();
  await settled();
  end({ kind: "lost", message: "gone" });
  await again;
  assertEquals([studio.checkup.value!.failure?.message, studio.checkup.value!.isRunning], ["gone", false]);
});

Deno.test("a diagnosis sets task, options and mask, and one of several damages joins the tasks", async () => {
  const known = new Uint8Array(12).fill(1).fill(0, 3, 6);
  const both = task("denoise + inpaint", "both", { mask: "needed", controls: [SCALE], methods: ["slow"] });
  const advice = { task: both, options: { scale: 3 }, mask: { width: 4, height: 3, known }, first: null, later: [] };
  const findings = [{ text: "noise", confidence: 0.9, isSure: true }, { text: "gray", confidence: 0.3, isSure: false }];
  const diagnosis = { findings, advice };
  const { studio, calls } = await opened({ diagnose: () => Promise.resolve(diagnosis) });
  studio.methodName.value = "fast";
  studio.enter(ETA, "0.5");
  await studio.diagnose();
  await studio.diagnose();
  assertEquals(calls.filter(([name]) => name === "diagnose").map(([, picture]) => picture), [1, 1]);
  assertEquals(studio.diagnosis.value, diagnosis);
  assertEquals(studio.registers.value!.tasks.map(({ name }) => name), [
    ...REGISTERS.tasks.map(({ name }) => name),
    "denoise + inpaint",
  ]);
  assertEquals(studio.request.value, {
    picture: 1,
    mask: { width: 4, height: 3, known },
    options: { task: "denoise + inpaint" },
    seed: 0,
    samples: 1,
  });
  assertEquals([studio.entries.value, studio.said.value], [{ scale: "3" }, "Found: noise."]);
  await studio.bring(new File([], "other.png", { type: "image/png" }));
  assertEquals(studio.diagnosis.value, null);
});

Deno.test("a diagnosis sets nothing where nothing is sure, or where something must be done before", async () => {
  const first = "deno task degrade";
  const advice = { task: task("sr4", ""), options: { scale: 4 }, mask: null, first, later: [] };
  for (const diagnosis of [{ findings: [], advice: null }, { findings: [], advice }]) {
    const { studio } = await opened({ diagnose: () => Promise.resolve(diagnosis) });
    const before = studio.request.value;
    await studio.diagnose();
    assertEquals([studio.request.value, studio.diagnosis.value], [before, diagnosis]);
    assertEquals(studio.said.value, "Nothing is surely wrong with the picture.");
  }
});

Deno.test("a diagnosis that comes behind another picture is left out", async () => {
  let answer = (): void => {};
  const waiting = new Promise<void>((resolve) => answer = resolve);
  const diagnosis = { findings: [], advice: null };
  const { studio } = await opened({ diagnose: () => waiting.then(() => diagnosis) });
  const asked = studio.diagnose();
  await studio.bring(new File([], "other.png", { type: "image/png" }));
  answer();
  await asked;
  assertEquals([studio.diagnosis.value, studio.busy.value], [null, null]);
});
