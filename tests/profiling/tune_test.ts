import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { parseCommand } from "../../cli/arguments.ts";
import { PROFILE } from "../../cli/profile.ts";
import { openGpu, tunedSubject } from "../../cli/runtime.ts";
import type { Advantage } from "../../profiling/tuning/decide.ts";
import { layersOf } from "../../profiling/tuning/layers.ts";
import { Limit, Stopped } from "../../profiling/tuning/limit.ts";
import { compareNetworks, evaluateNetwork, type Evaluation } from "../../profiling/tuning/network.ts";
import { storeOutcome } from "../../cli/tune.ts";
import { formatOutcome } from "../../profiling/tuning/table.ts";
import { type TunedLayer, tuneNetwork, type TuneOutcome } from "../../profiling/tuning/tune_network.ts";
import { constant, hostTensor, WebGpuRuntime } from "../../engine/mod.ts";
import { readTuned, type TunedChoice, tunedFile, writeTuned } from "../../io/mod.ts";
import { conv2d, linear, reshape, silu, TUNABLE_ALGORITHMS } from "../../kernels/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { withUserCache } from "../support/user_cache.ts";
import { commandTest, type Folder, printedBy, runCommand, runWell } from "../cli/run_command.ts";

const SIDE = 16;
const CHANNELS = 8;
const CONVOLUTION = "conv2d 3x3s1 8x8 16x16";
const PRODUCT = "matmul 256x8x8";

/** Two equal convolutions, one of them with a residual, a third without bias, and a product of pixels. */
function toyModel(): NoiseModel {
  const weight = (count: number, shape: readonly number[], seed: number): ReturnType<typeof hostTensor> =>
    hostTensor(randomValues(count, seed).map((value) => value / 8), shape);
  const [one, two, three] = [1, 2, 3].map((seed) => weight(9 * CHANNELS ** 2, [3, 3, CHANNELS, CHANNELS], seed));
  const matrix = weight(CHANNELS ** 2, [CHANNELS, CHANNELS], 4);
  const bias = weight(CHANNELS, [CHANNELS], 5);
  return {
    imageShape: [SIDE, SIDE, CHANNELS],
    alphaBar: new Float64Array(1000),
    predictEps: (x) => {
      const a = silu(conv2d(x, constant(one!), { padding: 1, bias: constant(bias) }));
      const b = silu(conv2d(a, constant(two!), { padding: 1, bias: constant(bias) }));
      const c = conv2d(b, constant(three!), { padding: 1, bias: constant(bias), residual: x });
      const shape = [x.shape[0]!, SIDE * SIDE, CHANNELS];
      return reshape(linear(reshape(c, shape), constant(matrix)), c.shape);
    },
  };
}

/** Never interrupts, or at the check with this number. */
function interruptedAt(number: number): () => Promise<boolean> {
  let checks = 0;
  return () => Promise.resolve(++checks >= number);
}

async function withRuntime(body: (runtime: WebGpuRuntime) => Promise<void>): Promise<void> {
  const runtime = await WebGpuRuntime.open();
  try {
    await body(runtime);
  } finally {
    runtime.destroy();
  }
}

async function tuneToy(
  runtime: WebGpuRuntime,
  { seconds = 60, interrupt = interruptedAt(Infinity), noTimestamps = false, model = toyModel() } = {},
): Promise<TuneOutcome> {
  return await tuneNetwork(runtime, {
    model,
    precision: "f32",
    batch: 2,
    method: noTimestamps ? "repeated dispatches" : undefined,
    limit: new Limit(interrupt, seconds),
    memory: { nanosecondsPerByte: 0, moreBytes: Infinity },
    onLayer: () => {},
  });
}

gpuTest("the layers of a plan are found with their key, how many there are, and what in them is constant", async () => {
  await withRuntime(async (runtime) => {
    const { plan } = await evaluateNetwork(runtime, toyModel(), 2);
    const layers = layersOf(plan, TUNABLE_ALGORITHMS.f32);
    const parts = layers.filter(({ partOf }) => partOf !== undefined);
    assertEquals(
      layers.filter((layer) => !parts.includes(layer)).map(({ key, count }) => [key, count]),
      [[CONVOLUTION, 3], [PRODUCT, 1]],
    );
    const forms = runtime.software && runtime.adapter.subgroupSize > 0 ? [CONVOLUTION, PRODUCT] : [];
    assertEquals(parts.map(({ key, algorithms }) => [key, algorithms.join()]), [
      ...forms.map((key) => [`weights ${key}`, "texture,buffer"]),
    ]);
    const [convolution, product] = [CONVOLUTION, PRODUCT].map((own) => layers.find(({ key }) => key === own));
    assertEquals([[...convolution!.constants], [...product!.constants]], [[1, 2], [1]]);
    assertEquals(convolution!.call.inputs.length, 3, "the kind without residual is more frequent");
    assertEquals(convolution!.algorithms, ["direct", "implicit", "winograd2", "winograd4"]);
    assertEquals(layersOf(plan, { conv2d: ["direct"], matmul: ["tiled", "shared"] }).map(({ key }) => key), [PRODUCT]);
  });
});

for (const noTimestamps of [false, true]) {
  const how = noTimestamps ? "without timestamps" : "by timestamps where there are any";
  gpuTest(`every algorithm of every layer is timed, ${how}, and no memory stays in use`, async () => {
    await withRuntime(async (runtime) => {
      const model = toyModel();
      await evaluateNetwork(runtime, model, 2);
      const before = runtime.statistics().deviceBytes;
      const { layers, network, method, stopped, predictedSaved } = await tuneToy(runtime, { noTimestamps, model });
      if (noTimestamps) assertEquals(method, "repeated dispatches");
      const [convolution, product] = [CONVOLUTION, PRODUCT].map((key) => layers.find((layer) => layer.key === key)!);
      assertEquals(convolution!.times.map(({ algorithm }) => algorithm).sort(), convolutionNames());
      assertEquals(product!.times.map(({ algorithm }) => algorithm).sort(), ["shared", "tiled"]);
      for (const { times, rounds } of layers) {
        assertEquals(rounds, 7);
        assert(times.every(({ milliseconds }) => milliseconds > 0));
      }
      assertEquals(stopped, undefined);
      const chosen = layers.filter(({ choice }) => choice);
      assertEquals(network !== undefined, chosen.length > 0);
      assertEquals(predictedSaved > 0, chosen.length > 0);
      if (network) assert(network.before > 0 && network.after > 0 && network.difference < 1e-4);
      // The network that was evaluated first stays, a second copy of its slots does.
      const slots = [...runtime.statistics().plans.values()].at(-1)!.slotBytes.reduce((sum, bytes) => sum + bytes, 0);
      assert(runtime.statistics().deviceBytes <= before + slots + 2 ** 14);
    });
  });
}

function convolutionNames(): string[] {
  return ["direct", "implicit", "winograd2", "winograd4"];
}

gpuTest(
  "where the budget or Ctrl-C ends it, what was measured until then counts and the rest is left out",
  async () => {
    await withRuntime(async (runtime) => {
      const start = performance.now();
      const spent = await tuneToy(runtime, { seconds: 0 });
      assert(performance.now() - start < 5000);
      assertEquals([spent.stopped, spent.network], ["budget", undefined]);
      assert(spent.layers.every(({ times, look }) => times.length === 0 && look === undefined));
      const looks = spent.layers.length;
      // A look at each layer, four candidates opened and warmed up, three rounds of four, and at least one sample of the next.
      const stopped = await tuneToy(runtime, { interrupt: interruptedAt(looks + 4 + 4 + 3 * 4 + 2) });
      assertEquals([stopped.stopped, stopped.network], ["interrupt", undefined]);
      const [first, ...rest] = stopped.layers;
      assert(first!.rounds >= 3, `${first!.rounds} rounds`);
      assertEquals([first!.times.length, ...rest.map(({ times }) => times.length)], [4, ...rest.map(() => 0)]);
      assert(stopped.layers.every(({ look }) => look! > 0));
    });
  },
);

Deno.test("choices may change what a network gives by rounding, that of factors where weights are halves", async () => {
  const evaluation = (value: number): Evaluation => ({
    plan: undefined as unknown as Evaluation["plan"],
    eps: { read: () => Promise.resolve(Float32Array.of(1, value)) } as unknown as Evaluation["eps"],
    timer: () => Promise.resolve({ method: "timestamps", sample: () => Promise.resolve(1) }),
  });
  const compared = (value: number, precision: "f32" | "f16"): ReturnType<typeof compareNetworks> =>
    compareNetworks(evaluation(1), evaluation(value), {
      precision,
      method: undefined,
      rounds: 3,
      limit: new Limit(interruptedAt(Infinity), 60),
    });
  assertEquals((await compared(1.0001, "f32"))?.rounds, 3);
  await assertRejects(
    () => compared(1.002, "f32"),
    Error,
    "differs by 1.4e-3 (relative L2), at most 1.0e-4 is allowed",
  );
  assertEquals((await compared(1.002, "f16"))?.rounds, 3);
  await assertRejects(() => compared(1.004, "f16"), Error, "differs by 2.8e-3");
});

Deno.test("a limit keeps a part of the budget for later, half of it at most", async () => {
  const limit = new Limit(interruptedAt(Infinity), 1000);
  limit.reserve(1e9);
  await limit.check();
  assertEquals(limit.reason, undefined);
  const late = new Limit(interruptedAt(Infinity), 0.2);
  late.reserve(1e9);
  await late.check();
  await new Promise((resolve) => setTimeout(resolve, 120));
  await assertRejects(() => late.check(), Stopped, "the budget is spent");
  late.begin();
  await late.check();
  late.reserve(0);
  await late.check();
  await assertRejects(() => new Limit(interruptedAt(1), 1000).check(), Stopped, "stopped by Ctrl-C");
  assertEquals(late.reason, "budget");
});

const ADVANTAGE: Advantage = { algorithm: "winograd2", milliseconds: 1.5, saved: 0.5, noise: 0.1, moreBytes: 3e6 };

function tunedLayer(key: string, layer: Partial<TunedLayer> = {}): TunedLayer {
  const times = [{ algorithm: "direct", milliseconds: 2 }, { algorithm: "winograd2", milliseconds: 1.5 }];
  return { key, operation: key.split(" ")[0]!, count: 4, look: 2.1, times, rounds: 7, choice: undefined, ...layer };
}

Deno.test("what was timed replaces what is stored of it, and the rest is kept", async () => {
  const adapter = { description: "some", subgroupSize: 8, features: [] };
  const folder = await Deno.makeTempDir();
  try {
    const subject = tunedSubject(adapter, "f32");
    const file = tunedFile(subject, folder)!;
    const stored = async (): Promise<[string, string][]> =>
      Array.from((await readTuned(file, subject)).choices, ([key, { algorithm }]) => [key, algorithm]);
    await storeOutcome(file, subject, { layers: [tunedLayer("conv2d a", { choice: ADVANTAGE })] });
    const layers = [tunedLayer("conv2d b", { choice: ADVANTAGE }), tunedLayer("conv2d a", { times: [] })];
    assertEquals(await storeOutcome(file, subject, { layers }), undefined);
    assertEquals(await stored(), [["conv2d a", "winograd2"], ["conv2d b", "winograd2"]]);
    const { choices } = await readTuned(file, subject);
    const { date, ...choice } = choices.get("conv2d b")!;
    assertMatch(date, /^\d{4}-.*Z$/);
    assertEquals(choice, { algorithm: "winograd2", instead: "direct", milliseconds: 1.5, insteadMilliseconds: 2 });
    await storeOutcome(file, subject, { layers: [tunedLayer("conv2d a")] });
    assertEquals(await stored(), [["conv2d b", "winograd2"]]);
    await Deno.writeTextFile(file, "{");
    const warning = await storeOutcome(file, subject, { layers });
    assertStringIncludes(warning ?? "", "no JSON");
    assertEquals(await stored(), [["conv2d b", "winograd2"]]);
    await storeOutcome(file, subject, { layers: [tunedLayer("conv2d b")] });
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), [], "nothing is left to store");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the text has a row for each shape, and says what the choices are worth", () => {
  const outcome: TuneOutcome = {
    method: "timestamps",
    layers: [
      tunedLayer("conv2d 3x3s1 8x8 4x4", { choice: ADVANTAGE }),
      tunedLayer("conv2d 3x3s1 9x9 4x4", { times: [], look: undefined }),
      tunedLayer("conv2d 3x3s1 7x7 4x4", { times: [] }),
      tunedLayer("matmul 1x2x3", { times: [{ algorithm: "tiled", milliseconds: 0.05 }] }),
    ],
    predictedSaved: 2,
    moreBytes: 12e6,
    network: { before: 40, after: 37, saved: 3, noise: 1, rounds: 7, difference: 2e-7 },
    networkLook: 42,
    stopped: undefined,
  };
  const text = formatOutcome(outcome, 2);
  assertMatch(text, /^conv2d +layers +share +direct +winograd2 +default +measured +gain$/m);
  assertMatch(text, /^3x3s1 8x8 4x4 +4 +38\.1 % +2\.00 ms +1\.50 ms +direct +winograd2 +25\.0 %$/m);
  assertMatch(text, /^3x3s1 9x9 4x4 +4 +- +- +- +- +not timed +-$/m);
  assertMatch(text, /^3x3s1 7x7 4x4 +4 +40\.0 % +- +- +- +not timed +-$/m);
  assertMatch(text, /^1x2x3 +4 +1\.0 % +50\.0 us +tiled +tiled +-$/m);
  assertStringIncludes(text, "1 of 4 shapes leave their default");
  assertStringIncludes(text, "save 2.00 ms of 21.0 ms for each image, 9.5 %, with 12.0 MB more memory");
  assertStringIncludes(
    text,
    "takes 40.0 ms without and 37.0 ms with them (medians of 7 rounds in turn): 3.00 ms saved",
  );
  assertStringIncludes(formatOutcome({ ...outcome, network: undefined }, 2), "was not timed with them");
  const none = { ...outcome, layers: [tunedLayer("matmul 1x2x3")] };
  assertStringIncludes(formatOutcome(none, 2), "No layer is faster by more than the noise");
});

const CHOICE: TunedChoice = {
  algorithm: "winograd2",
  instead: "direct",
  milliseconds: 1,
  insteadMilliseconds: 2,
  date: "2026-01-02T03:04:05.678Z",
};

/** The convolution kernels of the toy network on the runtime of a command line, and what that prints on stderr. */
async function kernelsOf(words: readonly string[]): Promise<{ readonly labels: string; readonly stderr: string }> {
  const args = parseCommand(PROFILE.spec, words);
  assert(args !== "help");
  const { value, stderr } = await printedBy(async () => {
    const runtime = await openGpu(args);
    try {
      const { plan } = await evaluateNetwork(runtime, toyModel(), 1);
      const names = plan.dispatches.map(({ label }) => label).filter((label) => label.startsWith("conv2d"));
      return [...new Set(names.map((name) => name.split(".")[1]))].join();
    } finally {
      runtime.destroy();
    }
  });
  return { labels: value, stderr };
}

async function storeChoice(folder: Folder, choice: TunedChoice): Promise<string> {
  const runtime = await WebGpuRuntime.open();
  runtime.destroy();
  const subject = tunedSubject(runtime.adapter, "f32");
  const file = tunedFile(subject, folder.path("cache/shortcut"))!;
  await writeTuned(file, subject, new Map([[CONVOLUTION, choice]]));
  return file;
}

commandTest("what is stored is taken, unless the command line says how layers are computed", async (folder) => {
  const standard = (await kernelsOf([])).labels;
  const other = standard === "winograd2" ? "winograd4" : "winograd2";
  const file = await storeChoice(folder, { ...CHOICE, algorithm: other });
  await withUserCache(folder.path("cache"), async () => {
    assertEquals(await kernelsOf([]), { labels: other, stderr: "" });
    assertEquals(await kernelsOf(["--no-tuned"]), { labels: standard, stderr: "" });
    assertEquals(await kernelsOf(["--convolution", "auto"]), { labels: standard, stderr: "" });
    const forced = standard === "winograd4" ? "winograd2" : "winograd4";
    assertEquals((await kernelsOf(["--convolution", forced])).labels, forced);
    await Deno.writeTextFile(file, "{");
    const { labels, stderr } = await kernelsOf([]);
    assertEquals(labels, standard);
    assertMatch(stderr, /^warning: the tuned choices in ".*" are ignored: it is no JSON; .*\n$/);
    assertEquals((await kernelsOf(["--no-tuned"])).stderr, "");
  });
  assertEquals((await kernelsOf([])).labels, standard, "there is no cache folder any more");
});

commandTest("tune measures the embedded network, stores for this adapter alone, and forgets", async (folder) => {
  const words = (budget: string): string[] => ["tune", "--size", "16", "--budget", budget, "--json"];
  await withUserCache(folder.path("cache"), async () => {
    // Seconds enough to look at every layer once beside other work.
    const dry = await runWell([...words("8"), "--dry-run"]);
    assertEquals(folder.list(), []);
    const found = JSON.parse(dry.stdout.trim().split("\n").at(-1)!);
    assertEquals([found.event, found.file, found.size, found.batch], ["result", null, 16, 1]);
    assert(found.layers.length > 20 && found.networkLook > 0);
    assert(found.layers.some(({ key, look }: TunedLayer) => key.startsWith("conv2d 3x3s1 ") && look! > 0));
    const file = await storeChoice(folder, CHOICE);
    const kept = JSON.parse((await runWell(words("2"))).stdout.trim().split("\n").at(-1)!);
    if (kept.file !== null) assertEquals(kept.file, file);
    const { choices } = JSON.parse(await Deno.readTextFile(file));
    assertEquals(choices[CONVOLUTION], CHOICE, "no layer of this network: it is kept");
    assertEquals(folder.list("cache/shortcut").length, 1);
    assertStringIncludes((await runWell(["tune", "--forget"])).stdout, `Removed ${file}`);
    assertStringIncludes((await runWell(["tune", "--forget"])).stdout, "Nothing is stored for");
    assertEquals(folder.list("cache/shortcut"), []);
  });
});

commandTest("tune is refused before it measures where nothing can be stored, or options contradict", async (folder) => {
  const start = performance.now();
  const homeless = await runCommand(["tune"]);
  assertEquals(homeless.code, 1);
  assertStringIncludes(homeless.stderr, "names no cache folder");
  folder.write("file", new Uint8Array());
  await withUserCache(folder.path("file"), async () => {
    const { code, stderr } = await runCommand(["tune"]);
    assertEquals(code, 1);
    assertMatch(stderr, /^error: Cannot make the folder ".*": .*; --dry-run measures without storing\n$/);
  });
  const both = await runCommand(["tune", "--forget", "--size", "16"]);
  assertEquals([both.code, both.stderr.trim()], [2, "error: --forget measures nothing; leave --size out"]);
  assertEquals((await runCommand(["tune", "--budget", "0"])).code, 2);
  assert(performance.now() - start < 10_000);
});

commandTest("Ctrl-C ends tune with exit code 130 and keeps what was measured", async (folder) => {
  if (Deno.build.os === "windows") return;
  const module = (path: string): string => new URL(`../../${path}`, import.meta.url).href;
  const program = `import { main } from ${JSON.stringify(module("cli/main.ts"))};
import { withUserCache } from ${JSON.stringify(module("tests/support/user_cache.ts"))};
Deno.exit(await withUserCache(${
    JSON.stringify(folder.path("cache"))
  }, () => main(["tune", "--size", "16", "--json"])));`;
  const file = folder.write("program.ts", new TextEncoder().encode(program));
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-write", "--config", config, file],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let printed = "";
  let isStopped = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += text;
    if (!isStopped && printed.includes('"step":3')) child.kill("SIGINT");
    isStopped ||= printed.includes('"step":3');
  }
  const { code } = await child.status;
  const stderr = await new Response(child.stderr).text();
  assertEquals(code, 130, stderr);
  const result = JSON.parse(printed.trim().split("\n").at(-1)!);
  assertEquals([result.event, result.stopped, result.network ?? null], ["result", "interrupt", null]);
  const timed = result.layers.filter(({ times }: TunedLayer) => times.length > 0);
  assert(timed.length >= 2 && timed.length < result.layers.length, `${timed.length} layers`);
});
