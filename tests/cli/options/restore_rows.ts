/** Rows for the options of `restore` besides those of methods. */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { FileSource, sha256OfFile } from "../../../io/mod.ts";
import { openSafetensors } from "../../../models/mod.ts";
import { TASKS } from "../../../restoration/mod.ts";
import { casePath } from "../../io/cases.ts";
import type { Materials } from "./materials.ts";
import { guidanceRows } from "./guidance_rows.ts";
import { methodRows } from "./method_rows.ts";
import { ownPictureRows } from "./own_picture_rows.ts";
import { repeatRows } from "./repeat_rows.ts";
import { descriptionRows, runtimeRows } from "./shared_rows.ts";
import { type Ran, type Row, type Words } from "./table.ts";
import { type TaskCase, taskCases } from "./task_cases.ts";

/**
 * An option of a task does in `restore --degrade` what it does in `degrade`: the measurement that this writes is restored
 * to the same picture, with the same parameters.
 */
function taskRow({ option, task, base = [], value }: TaskCase, { large, small, tiny }: Materials): Row {
  const { isLinear } = TASKS.get(task)!.entry;
  const how = [
    `--model=${tiny}`,
    "--cpu",
    ...(isLinear ? ["--method=pseudo-inverse"] : ["--method=diffpir", "--data-step=first_order", "--steps=4"]),
  ];
  // What takes iterations, or a network, is tried on fewer pixels.
  const picture = isLinear && option !== "blur-boundary" ? large : small;
  const options = [`--task=${task}`, ...base];
  const restore = (...words: string[]): Words => ["restore", picture, "--degrade", "--out=@.png", ...how, ...words];
  return {
    option,
    without: restore(...options),
    given: restore(...options, `--${option}=${value}`),
    async check(usual, given, run): Promise<void> {
      const made = await run(["degrade", picture, "@.safetensors", "--cpu", ...options, `--${option}=${value}`]);
      const again = await run(["restore", `${made.out}.safetensors`, "--out=@.png", ...how]);
      assertEquals(given.bytes(), again.bytes(), "as of the measurement that degrade makes");
      // A small blur that no threshold cuts is undone wholly, whatever lies outside.
      if (option !== "blur-boundary") assertNotEquals(given.bytes(), usual.bytes());
      else assertEquals([usual, given].map((ran) => ran.field("task.parameters.boundary")), ["circular", value]);
    },
  };
}

/** The tensors of a file of states. */
async function tensorsOf(path: string): Promise<readonly string[]> {
  using source = await FileSource.open(path);
  return [...(await openSafetensors(source)).tensors.keys()].sort();
}

const psnrOf = (ran: Ran): number => ran.number("metrics.pseudoInverse.psnr");

/** All options of `restore`. */
export async function restoreRows(materials: Materials): Promise<readonly Row[]> {
  const { small, large, tiny, byClass, upsampler, unscaled, broken, folder } = materials;
  const restore = (picture: string, ...options: string[]): Words => ["restore", picture, "--out=@.png", ...options];
  const quick = (...options: string[]): Words =>
    restore(small, "--cpu", "--task=sr2", "--steps=4", ...(options.length > 0 ? options : [`--model=${tiny}`]));
  const ours = quick(`--model=${tiny}`);
  const inverse = (...options: string[]): Words =>
    restore(large, "--cpu", "--method=pseudo-inverse", `--model=${tiny}`, ...options);
  const windows = (form: string): Words =>
    restore(
      ...[large, "--task=sr4", "--method=ddnm", "--steps=3", "--window=16"] as const,
      `--window-form=${form}`,
      `--model=${tiny}`,
    );
  const soft = casePath("soft/soft-sigma1.2.png");
  const wide = folder.picture("wide.png", { width: 100, height: 8 });
  const blurred = inverse("--task=deblur", "--size=64").with(1, soft);
  const jpeg = ["restore", large, "@.jpg", "--cpu", "--task=sr2", "--method=bicubic", `--model=${tiny}`];
  const upsample = restore(small, "--cpu", "--task=upsample", "--steps=4");
  return [
    ...(await taskCases(materials)).map((each) => taskRow(each, materials)),
    ...methodRows(materials),
    ...guidanceRows(materials),
    {
      option: "task",
      without: restore(small, "--cpu", `--model=${tiny}`, "--steps=4"),
      given: ours,
      codes: [2, 0],
      async check(unsaid, given): Promise<void> {
        assertStringIncludes(unsaid.stderr, "give --task NAME");
        assertEquals([given.field("task.name"), (await given.picture()).width], ["sr2", 8]);
      },
    },
    {
      option: "degrade",
      without: inverse("--task=sr2"),
      given: inverse("--task=sr2", "--degrade"),
      async check(measured, truth): Promise<void> {
        assertEquals([(await measured.picture()).width, (await truth.picture()).width], [32, 16]);
        assertEquals([measured.field("task.measured"), truth.field("task.measured")], [true, false]);
        assertStringIncludes(truth.stdout, `PSNR ${psnrOf(truth).toFixed(2)} dB, SSIM `);
        assertEquals(measured.stdout.includes("PSNR"), false);
      },
    },
    {
      option: "sigma-y",
      without: inverse("--task=denoise", "--degrade"),
      given: inverse("--task=denoise", "--degrade", "--sigma-y=0.1"),
      async check(clean, noisy, run): Promise<void> {
        assertEquals(clean.field("metrics.pseudoInverse.psnr"), "infinite");
        assertAlmostEquals(psnrOf(noisy), 20 * Math.log10(2 / 0.1), 0.7);
        assertEquals(noisy.number("task.sigmaY"), 0.1);
        // Methods for noisy measurements are told of it.
        const ddrm = (...options: string[]): Words =>
          restore(
            small,
            "--cpu",
            `--model=${tiny}`,
            "--task=sr2",
            "--degrade",
            "--method=ddrm",
            "--steps=4",
            ...options,
          );
        const told = await run(ddrm("--sigma-y=0.3"));
        assertEquals((await run(ddrm("--sigma-y=0.3", "--noise-level=0.3"))).bytes(), told.bytes());
        assertNotEquals((await run(ddrm("--sigma-y=0.3", "--noise-level=0"))).bytes(), told.bytes());
      },
    },
    {
      option: "poisson-rate",
      without: inverse("--task=denoise", "--degrade", "--poisson-rate=1"),
      given: inverse("--task=denoise", "--degrade", "--poisson-rate=0.1"),
      check(bright, dark): void {
        // A tenth of the photons is ten times the variance.
        assertAlmostEquals(psnrOf(bright) - psnrOf(dark), 10, 1);
        assertEquals(dark.field("task.noise"), { kind: "poisson", rate: 0.1 });
      },
    },
    {
      option: "jpeg-quality",
      without: inverse("--task=denoise", "--degrade", "--jpeg-quality=95"),
      given: inverse("--task=denoise", "--degrade", "--jpeg-quality=5"),
      check(fine, coarse): void {
        assert(psnrOf(fine) > psnrOf(coarse) + 5, `${psnrOf(fine)}, ${psnrOf(coarse)}`);
        assertEquals(coarse.field("task.noise"), { kind: "jpeg", quality: 5 });
      },
    },
    {
      option: "model",
      without: restore(small, "--cpu", "--task=sr2", "--method=pseudo-inverse"),
      given: restore(small, "--cpu", "--task=sr2", "--method=pseudo-inverse", `--model=${tiny}`),
      async check(embedded, given): Promise<void> {
        assertEquals([embedded.field("model.name"), embedded.field("model.parameters")], [
          "prior.safetensors",
          4474662,
        ]);
        assertEquals([given.field("model.name"), given.field("model.parameters")], ["tiny.safetensors", 197702]);
        assertEquals(given.field("model.sha256"), await sha256OfFile(tiny));
      },
    },
    ...descriptionRows(materials, {
      line: (model, options) => quick(`--model=${model}`, "--shortcut=100", ...options),
      runs: true,
      outcome: (ran) => [ran.bytes(), ran.field("model.trainingSize")],
    }),
    {
      option: "class",
      without: quick(`--model=${byClass}`),
      given: quick(`--model=${byClass}`, "--class=3"),
      codes: [2, 0],
      async check(unsaid, given, run): Promise<void> {
        assertStringIncludes(unsaid.stderr, "--class N with N within 0..4 is needed");
        assertEquals(given.field("model.class"), 3);
        assertNotEquals((await run(quick(`--model=${byClass}`, "--class=1"))).bytes(), given.bytes());
      },
    },
    {
      option: "scale",
      without: [...upsample, `--model=${unscaled}`],
      given: [...upsample, `--model=${unscaled}`, "--scale=4"],
      async check(usual, given, run): Promise<void> {
        assertEquals([(await usual.picture()).width, (await given.picture()).width], [2 * 4, 4 * 4]);
        const trained = await run([...upsample, `--model=${upsampler}`, "--scale=2"]);
        assertEquals([trained.code, (await trained.picture()).width], [0, 8]);
      },
    },
    ...repeatRows(materials, { quick, inverse }),
    {
      option: "seed",
      without: ours,
      given: [...ours, "--seed=9"],
      async check(zero, nine, run): Promise<void> {
        assertEquals([zero.field("seed"), nine.field("seed")], [0, 9]);
        assertNotEquals(zero.bytes(), nine.bytes());
        assertEquals((await run([...ours, "--seed=0"])).bytes(), zero.bytes(), "default");
      },
    },
    {
      option: "samples",
      without: [...ours, "--seed=9"],
      given: [...ours, "--seed=8", "--samples=2"],
      async check(nine, both): Promise<void> {
        assertEquals(["-1.png", "-2.png", "-3.png", ".png"].map((end) => both.has(end)), [true, true, false, false]);
        assertEquals(both.bytes("-2.png"), nine.bytes(), "the second has the seed after --seed");
        assertNotEquals(both.bytes("-1.png"), nine.bytes());
        assertEquals([nine.has("-mean.png"), nine.has("-deviation.png")], [false, false]);
        const [one, two, mean, map] = await Promise.all(
          ["-1.png", "-2.png", "-mean.png", "-deviation.png"].map(async (end) => (await both.picture(end)).data),
        );
        assert(mean!.every((value, i) => Math.abs(value - (one![i]! + two![i]!) / 2) <= 1.01 / 127.5), "rounded");
        assert(map!.some((value) => value > -1), "they differ somewhere");
        assertStringIncludes(both.stdout, "the mean of 2 samples");
      },
    },
    {
      option: "size",
      without: inverse("--task=sr4").with(1, wide),
      given: inverse("--task=sr4", "--size=300").with(1, wide),
      async check(usual, given, run): Promise<void> {
        // The result keeps its size.
        assertEquals([usual.field("sizes.network"), given.field("sizes.network")], ["400x32", "300x24"]);
        assertEquals([(await usual.picture()).width, (await given.picture()).width], [400, 400]);
        const small = await run(inverse("--task=sr4", "--size=30"));
        assertStringIncludes(small.stderr, "64x64 is not made smaller: --size 30 limits the windows");
        assertStringIncludes(small.stderr, "in overlapping windows of 24 x 24 pixels");
      },
    },
    {
      option: "plan",
      without: inverse("--task=sr4"),
      given: inverse("--task=sr4", "--window=16", "--plan"),
      check(usual, given): void {
        assertEquals([usual.has(".png"), given.has(".png"), given.has(".json")], [true, false, false]);
        assertStringIncludes(given.stdout, "25 for an evaluation, overlapping, 16 x 16 pixels");
      },
    },
    {
      option: "window",
      without: inverse("--task=sr4"),
      given: inverse("--task=sr4", "--window=16"),
      async check(usual, given): Promise<void> {
        assertEquals([usual.field("sizes.network"), given.field("sizes.network")], ["64x64", "64x64"]);
        assertStringIncludes(given.stderr + given.stdout, "in overlapping windows of 16 x 16 pixels");
        assertEquals((await given.picture()).width, 64);
      },
    },
    {
      option: "window-form",
      without: windows("shifted"),
      given: windows("overlapping"),
      async check(shifted, overlapping, run): Promise<void> {
        assertNotEquals(overlapping.bytes(), shifted.bytes());
        const alone = await run(restore(large, `--model=${tiny}`, "--task=sr4", "--window-form=shifted"));
        assertEquals(alone.code, 2);
        assertStringIncludes(alone.stderr, "--window-form needs --window N");
      },
    },
    {
      option: "blur",
      without: blurred,
      given: [...blurred, "--blur=estimate"],
      codes: [2, 0],
      check(unsaid, given): void {
        assertStringIncludes(unsaid.stderr, "or --blur estimate");
        assertAlmostEquals(given.number("task.parameters.sigma"), 1.4, 0.2);
        assertStringIncludes(given.stderr, "The blur is estimated as a Gaussian of 1.3");
      },
    },
    ...ownPictureRows(materials, inverse),
    {
      option: "strict",
      without: inverse("--task=sr2"),
      given: inverse("--task=sr2", "--strict"),
      codes: [0, 1],
      check(usual, strict): void {
        for (const ran of [usual, strict]) {
          assertStringIncludes(ran.stdout, "Warning: the result is no better than");
          assertEquals(ran.field("verdict.isHarm"), true);
        }
        assertEquals(strict.bytes(), usual.bytes());
      },
    },
    {
      option: "quality",
      without: jpeg,
      given: [...jpeg, "--quality=10"],
      async check(usual, given, run): Promise<void> {
        assert(given.bytes(".jpg").length < usual.bytes(".jpg").length);
        const said = await run([...jpeg, "--quality=92"]);
        assertEquals(said.bytes(".jpg"), usual.bytes(".jpg"));
      },
    },
    {
      option: "out",
      without: ["restore", small, "@-a.png", ...ours.slice(3)],
      given: ["restore", small, "--out=@-b.png", ...ours.slice(3)],
      check(operand, option): void {
        assertEquals([operand.has("-a.png"), option.has("-b.png"), option.has("-b.json")], [true, true, true]);
        assertEquals(option.bytes("-b.png"), operand.bytes("-a.png"));
      },
    },
    {
      option: "sheet",
      without: inverse("--task=sr2", "--degrade"),
      given: inverse("--task=sr2", "--degrade", "--sheet"),
      async check(usual, given): Promise<void> {
        assertEquals([usual.has("-sheet.png"), given.has("-sheet.png")], [false, true]);
        const { width, height } = await given.picture("-sheet.png");
        assert(width > 3.5 * height, "measurement, A^+ y, result and ground truth beside each other");
      },
    },
    {
      option: "trace",
      without: ours,
      given: [...ours, "--trace=@.safetensors"],
      async check(usual, given): Promise<void> {
        assertEquals(usual.has(".safetensors"), false);
        const names = ["gen.0", "gen.1", "inv.0"];
        assertEquals(
          await tensorsOf(`${given.out}.safetensors`),
          ["noise", "x0", "x_t"].flatMap((part) => names.map((name) => `${part}.${name}`)),
        );
        assertEquals(given.bytes(), usual.bytes());
      },
    },
    {
      option: "noise",
      without: [...ours, "--seed=4"],
      given: [...ours, "--seed=4", `--noise=${folder.path("noise.safetensors")}`],
      codes: [0, 1],
      async check(four, missing, run): Promise<void> {
        assertStringIncludes(missing.stderr, "noise.safetensors");
        const { out } = await run([...ours, "--seed=4", "--trace=@.safetensors"]);
        const replayed = await run([...ours, "--seed=0", `--noise=${out}.safetensors`]);
        assertEquals(replayed.bytes(), four.bytes(), "the noise of the file, not of the seed");
        assertEquals(replayed.field("noise"), `${out}.safetensors`);
      },
    },
    {
      option: "save-every",
      without: [...ours, "--trace=@.safetensors"],
      given: [...ours, "--trace=@.safetensors", "--save-every=0"],
      codes: [0, 2],
      async check(traced, refused, run): Promise<void> {
        assertStringIncludes(refused.stderr, "--save-every does not go with --trace");
        const out = `--out=${traced.out}-saved.png`;
        // Where no file can be written, it is told that one should be.
        await Deno.mkdir(`${traced.out}-saved.png.state`);
        const often = await run([...ours.with(2, out), "--save-every=0"]);
        assertStringIncludes(often.stderr, "The run is not saved, and begins again if it is stopped: Cannot write");
        const never = await run(ours.with(2, out));
        assertEquals(never.stderr.includes("is not saved"), false);
      },
    },
    {
      option: "precision",
      without: ours,
      given: [...ours, "--precision=f16"],
      async check(f32, f16): Promise<void> {
        assertEquals([f32.field("model.precision"), f16.field("model.precision")], ["f32", "f16"]);
        const bytes = (ran: Ran): number => ran.number("memory.deviceBytes");
        assert(bytes(f16) <= bytes(f32));
        const [a, b] = [(await f32.picture()).data, (await f16.picture()).data];
        const apart = Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
        assert(apart <= 0.1, `${apart}: rounded weights make nearly the same picture`);
      },
    },
    {
      option: "recompute",
      without: restore(large, "--degrade", "--task=sr2", `--model=${tiny}`, "--method=dps", "--steps=4"),
      given: restore(large, "--degrade", "--task=sr2", `--model=${tiny}`, "--method=dps", "--steps=4", "--recompute"),
      check(kept, again): void {
        assertEquals(again.bytes(), kept.bytes(), "the same picture");
        const [less, more] = [again.number("memory.peakDeviceBytes"), kept.number("memory.peakDeviceBytes")];
        assert(less < more, `${less} instead of ${more} bytes`);
      },
    },
    ...runtimeRows(folder, {
      line: ["restore", small, "--task=sr2", "--steps=4", `--model=${tiny}`, "--out=@.png", "--trace=@.safetensors"],
      numbers: async ({ out }) => {
        using source = await FileSource.open(`${out}.safetensors`);
        return await (await openSafetensors(source)).readFloat32("x_t.gen.1");
      },
      tolerance: 1e-2,
      spoiled: {
        line: ["restore", small, "--task=sr2", "--steps=4", `--model=${broken}`, "--out=@.png"],
        code: 1,
        scope: /middle_block/,
      },
    }),
    {
      option: "json",
      without: ours,
      given: [...ours, "--json"],
      check(text, json): void {
        assert(text.stdout.startsWith("Wrote "), text.stdout);
        assertEquals([json.printed("event"), json.printed("method.name")], ["result", "ssd"]);
        const steps = json.stdout.trim().split("\n").map((row) => JSON.parse(row)).filter(({ phase }) => phase);
        assertEquals(steps.at(-1).step, steps.at(-1).steps);
      },
    },
  ];
}
