/** Rows for the options of the commands that measure: `profile`, `tune` and `bench`. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { BENCH_SPEC, benchOptions } from "../../../bench/options.ts";
import { helpText, readCommandLine } from "../../../io/mod.ts";
import { describingOptions, methodOptions } from "../../../restoration/mod.ts";
import { withUserCache } from "../../support/user_cache.ts";
import type { Outcome } from "../run_command.ts";
import type { Materials } from "./materials.ts";
import { backendRow, dawnRow, descriptionRows, noTunedRow, providerRows } from "./shared_rows.ts";
import { fieldOf, type Ran, type Row, type Words } from "./table.ts";

interface Kernel {
  readonly label: string;
  readonly scope: string;
  readonly flops: number;
}

/** All options of `profile`. */
export function profileRows(materials: Materials): readonly Row[] {
  const { folder, tiny, byClass } = materials;
  const line = (...options: string[]): Words => ["profile", "--runs=1", "--json=@.json", ...options];
  const usual = line(`--model=${tiny}`);
  // One run shows them all, each in a field of its own.
  const changed = line(
    ...[`--model=${tiny}`, "--size=16", "--batch=2", "--precision=f16", "--task=inpaint", "--convolution=winograd4"],
    ...["--no-timestamps", "--trace=@.trace.json", "--html=@.html"],
  ).map((word) => word === "--runs=1" ? "--runs=2" : word);
  const kernels = (ran: Ran): readonly Kernel[] => ran.field("kernels") as readonly Kernel[];
  const flops = (ran: Ran): number => kernels(ran).reduce((sum, each) => sum + each.flops, 0);
  const row = (option: string, check: Row["check"]): Row => ({ option, without: usual, given: changed, check });
  const field = (option: string, path: string, before: unknown, after: unknown): Row =>
    row(option, (ran, given) => assertEquals([ran.field(path), given.field(path)], [before, after]));
  return [
    field("task", "task", "sr4", "inpaint"),
    field("precision", "model.precision", "f32", "f16"),
    field("runs", "replays", 1, 2),
    field("size", "height", 8, 16),
    row("batch", (one, two) => {
      assertEquals([one.field("batch"), two.field("batch")], [1, 2]);
      // Twice the pictures of four times the pixels, and an attention of sixteen times.
      assert(flops(two) > 7 * flops(one), `${flops(two)}, ${flops(one)}`);
    }),
    row("no-timestamps", (_, given) => assertEquals(given.field("method"), "repeated dispatches")),
    row("convolution", (_, given) => {
      assert(kernels(given).some(({ label }) => label.startsWith("conv2d.winograd")), "they are computed as is said");
    }),
    ...providerRows(line(`--model=${byClass}`), 1),
    noTunedRow(folder, line(`--model=${byClass}`), 1),
    {
      option: "json",
      without: ["profile", "--runs=1", `--model=${tiny}`],
      given: usual,
      check(text, json): void {
        assertEquals([text.has(".json"), json.has(".json")], [false, true]);
        for (const ran of [text, json]) assertMatch(ran.stdout, /^network +\d+ /m);
      },
    },
    row("trace", (without, given) => {
      assertEquals(without.has(".trace.json"), false);
      const { traceEvents } = JSON.parse(given.text(".trace.json")) as { traceEvents: { ph: string; cat?: string }[] };
      assertEquals(traceEvents.filter(({ ph, cat }) => ph === "X" && cat === "kernel").length, kernels(given).length);
    }),
    row("html", (without, given) => {
      assertEquals(without.has(".html"), false);
      for (const id of ["flame", "roofline", "kernels", "memory"]) {
        assertStringIncludes(given.text(".html"), `<section id="${id}">`);
      }
    }),
    ...choosingRows(usual),
    {
      option: "step",
      without: usual,
      given: line(`--model=${tiny}`, "--method=ssd", "--inversion-steps=3", "--generation-steps=3", "--step=1"),
      check(first, inverting): void {
        assertEquals([first.field("sampler.step"), inverting.field("sampler.step")], ["gen.0", "inv.0"]);
        assertEquals(inverting.field("sampler.options.generationSteps"), 3);
      },
    },
    {
      option: "noise-level",
      without: usual,
      given: line(`--model=${tiny}`, "--method=ddrm", "--steps=3", "--noise-level=0.1"),
      check(exact, noisy): void {
        assertEquals([exact.field("sampler.sigmaY"), noisy.field("sampler.sigmaY")], [0, 0.1]);
        assertEquals(noisy.field("sampler.options.steps"), 3);
      },
    },
    {
      option: "method",
      without: usual,
      given: line(`--model=${byClass}`, "--class=1", "--method=dps"),
      check(ssd, dps): void {
        assertEquals([ssd.field("sampler.name"), dps.field("sampler.name")], ["ssd", "dps"]);
        const isBack = ({ scope }: Kernel): boolean => scope.includes("backward");
        assertEquals([kernels(ssd).some(isBack), kernels(dps).some(isBack)], [false, true]);
      },
    },
    {
      option: "model",
      without: usual,
      given: line(`--model=${byClass}`, "--class=1", "--method=dps"),
      check: (one, other) =>
        assertEquals([one.field("model.name"), other.field("model.name")], [
          "tiny.safetensors",
          "by-class.safetensors",
        ]),
    },
    {
      option: "class",
      without: line(`--model=${byClass}`),
      given: line(`--model=${byClass}`, "--class=1", "--method=dps"),
      codes: [1, 0],
      check: (unsaid) => assertMatch(unsaid.stderr, /class/),
    },
    {
      option: "compare",
      without: usual,
      given: changed,
      async check(before, after, run): Promise<void> {
        const files = [`${before.out}.json`, `${after.out}.json`];
        assertEquals((await run(["profile", ...files])).code, 2);
        const compared = await run(["profile", "--compare", ...files]);
        assertEquals(compared.code, 0, compared.stderr);
        assertMatch(compared.stdout, /^replay .*\d+\.\d\d$/m);
      },
    },
    ...descriptionRows(materials, {
      line: (model, options) => line(`--model=${model}`, ...options),
      outcome: (ran) => [ran.field("height"), kernels(ran).map(({ label, scope }) => `${label} ${scope}`)],
      isLong: true,
    }),
  ];
}

/**
 * The options of methods and tasks reach what chooses these: a method that has none refuses each, and so does a task.
 * What they do is tried with `restore`.
 */
function choosingRows(usual: Words): readonly Row[] {
  const refused = (options: ReturnType<typeof methodOptions>, others: Words): readonly Row[] =>
    Object.entries(options).map(([option, { kind, choices, min = 1 }]): Row => ({
      option,
      without: usual,
      given: [
        ...["profile", ...others],
        kind === "flag"
          ? `--${option}`
          : `--${option}=${kind === "choice" ? choices![0] : kind === "text" ? "x" : min}`,
      ],
      codes: [0, 2],
      check: (_, { stderr }) => assertStringIncludes(stderr, `--${option} belongs to `),
    }));
  const { method: _, "noise-level": _level, ...ofMethods } = methodOptions();
  return [...refused(ofMethods, ["--method=bicubic"]), ...refused(describingOptions(), ["--task=colorize"])];
}

/** All options of `tune`. */
export function tuneRows(materials: Materials): readonly Row[] {
  const { folder, tiny, byClass } = materials;
  const line = (...options: string[]): Words => ["tune", "--json", "--dry-run", "--budget=1", ...options];
  const usual = line(`--model=${tiny}`);
  const changed = line(
    ...[`--model=${tiny}`, "--size=16", "--batch=2", "--precision=f16", "--no-timestamps", "--memory=0"],
  );
  const row = (option: string, check: Row["check"]): Row => ({ option, without: usual, given: changed, check });
  const field = (option: string, path: string, before: unknown, after: unknown): Row =>
    row(option, (ran, given) => assertEquals([ran.printed(path), given.printed(path)], [before, after]));
  const cached: Row["around"] = (body) => withUserCache(folder.path("tune-cache"), body);
  const layers = (ran: Ran): readonly { readonly key: string; readonly times: readonly unknown[] }[] =>
    ran.printed("layers") as ReturnType<typeof layers>;
  return [
    field("size", "size", 8, 16),
    field("batch", "batch", 1, 2),
    field("precision", "precision", "f32", "f16"),
    row("no-timestamps", (_, given) => assertEquals(given.printed("method"), "repeated dispatches")),
    backendRow(line(`--model=${byClass}`), 1),
    dawnRow(line(`--model=${byClass}`), 1),
    row("memory", (_, given) => assert((given.printed("moreBytes") as number) <= 0, "no more than the defaults")),
    {
      option: "budget",
      without: ["tune", "--json", "--dry-run", "--budget=1", "--size=16"],
      given: ["tune", "--json", "--dry-run", "--budget=3", "--size=16"],
      check(one, three): void {
        const timed = (ran: Ran): number => layers(ran).filter(({ times }) => times.length > 0).length;
        assert(timed(one) <= timed(three), `${timed(one)} and ${timed(three)} shapes`);
        for (const ran of [one, three]) {
          assertEquals(
            ran.printed("stopped") === "budget",
            timed(ran) < layers(ran).length,
            "it ends where it is spent",
          );
        }
      },
    },
    {
      option: "model",
      without: usual,
      given: line(`--model=${byClass}`, "--class=1"),
      check: (one, other) =>
        assertEquals([one.printed("model"), other.printed("model")], ["tiny.safetensors", "by-class.safetensors"]),
    },
    {
      option: "class",
      without: line(`--model=${byClass}`),
      given: line(`--model=${byClass}`, "--class=1"),
      codes: [1, 0],
      check: (unsaid) => assertMatch(unsaid.stderr, /class/),
    },
    {
      option: "dry-run",
      without: usual.filter((word) => word !== "--dry-run"),
      given: usual,
      codes: [1, 0],
      check(homeless, dry): void {
        assertStringIncludes(homeless.stderr, "--dry-run measures without storing");
        assertEquals(dry.printed("file"), null);
      },
    },
    {
      option: "forget",
      without: ["tune", "--json", "--forget", "--size=16"],
      given: ["tune", "--json", "--forget"],
      around: cached,
      codes: [2, 0],
      check: (_, given) => assertEquals(given.printed("files"), []),
    },
    {
      option: "json",
      without: usual.filter((word) => word !== "--json"),
      given: usual,
      check(text, json): void {
        assertMatch(text.stdout, /^Times by /);
        assertEquals(json.printed("event"), "result");
      },
    },
    ...descriptionRows(materials, {
      line: (model, options) => line(`--model=${model}`, ...options),
      // Sorted: which comes first among layers of as many operations depends on how weights are kept, which is probed.
      outcome: (ran) => [ran.printed("size"), layers(ran).map(({ key }) => key).sort()],
      isLong: true,
      ignored: ["prediction-type"],
    }),
  ];
}

/** What `bench` is asked to measure, as data; measuring itself takes minutes. */
export function planBench(words: Words): Promise<Outcome> {
  try {
    const line = readCommandLine(BENCH_SPEC, words.slice(1));
    const stdout = line === "help" ? helpText(BENCH_SPEC) : JSON.stringify(benchOptions(line.values));
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  } catch (error) {
    return Promise.resolve({ code: 2, stdout: "", stderr: (error as Error).message });
  }
}

/** All options of `bench`. */
export function benchRows(): readonly Row[] {
  const line = (...options: string[]): Words => ["bench", ...options];
  const row = (option: string, value: string | undefined, paths: Readonly<Record<string, unknown>>): Row => ({
    option,
    without: line(),
    given: line(value === undefined ? `--${option}` : `--${option}=${value}`),
    check(without, given): void {
      for (const [path, expected] of Object.entries(paths)) {
        const [before, after] = [without, given].map((ran) => fieldOf(JSON.parse(ran.stdout), path));
        assertEquals(after, expected, path);
        assert(JSON.stringify(before) !== JSON.stringify(expected), `${path} is ${expected} in any case`);
      }
    },
  });
  return [
    row("network", "tiny", { "runs.length": 2, kernels: false }),
    row("batch", "3", { "runs.0.batch": 3, "runs.length": 3 }),
    row("size", "16x8", { "runs.0.height": 16, "runs.0.width": 8 }),
    row("precision", "f16", { "runs.0.precision": "f16" }),
    row("runs", "2", { samples: 2, "runs.0.samples": 2 }),
    row("kernels", undefined, { "runs.length": 0 }),
    row("algorithms", undefined, { algorithms: true, kernels: false, "runs.length": 0 }),
    row("gradients", undefined, { gradients: true, kernels: false, "runs.length": 0 }),
    row("check", undefined, { check: true, "runs.length": 1, "runs.0.network": "unet-64" }),
    row("json", undefined, { json: true }),
    row("no-tuned", undefined, { tuned: false }),
    row("no-record", undefined, { record: false }),
    {
      option: "no-subgroups",
      without: line("--no-subgroups"),
      given: line("--algorithms", "--no-subgroups"),
      codes: [2, 0],
      check: (_, given) => assertEquals(JSON.parse(given.stdout).withoutSubgroups, true),
    },
    {
      option: "model",
      without: line("--model=some.safetensors"),
      given: line("--model=some.safetensors", "--size=8"),
      codes: [2, 0],
      check: (_, given) => assertEquals(JSON.parse(given.stdout).runs[0].file, "some.safetensors"),
    },
  ];
}
