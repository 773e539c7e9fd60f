import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../parameters/mod.ts";
import { chromeTrace, type TraceEvent } from "../../profiling/chrome_trace.ts";
import { changesBy, formatComparison } from "../../profiling/compare.ts";
import { divideCosts, parseDocument, type ProfileDocument } from "../../profiling/document.ts";
import { htmlPage } from "../../profiling/html_page.ts";
import { scopeTree } from "../../profiling/scope_tree.ts";
import {
  blockOf,
  explainTime,
  kernelOf,
  liveBytes,
  ratesOf,
  scopeLevels,
  stageOf,
  totalsBy,
} from "../../profiling/summary.ts";
import { formatProfile } from "../../profiling/tables.ts";
import { kernelTime, sampleDocument } from "./profile_document.ts";
import { randomModel, UPSAMPLER } from "../cli/random_model.ts";
import { commandTest, type Folder, runCommand, runWell } from "../cli/run_command.ts";

Deno.test("a number in a scope belongs to the name before it", () => {
  assertEquals(scopeLevels("network.input_blocks.4.0.in_layers.2"), ["network", "input_blocks.4", "0", "in_layers.2"]);
  assertEquals(scopeLevels("network.input_blocks.12.norm"), ["network", "input_blocks.12", "norm"]);
  assertEquals(scopeLevels("a.2b.c"), ["a", "2b", "c"]);
  assertEquals(scopeLevels(""), []);
  const row = { scope: "network.middle_block.1.qkv", label: "matmul.tiled" };
  assertEquals([stageOf(row), blockOf(row), kernelOf(row)], ["network", "network.middle_block.1", "matmul.tiled"]);
  const of = (scope: string): string => stageOf({ scope });
  assertEquals(
    ["network.out.2.backward", "network.middle_block.1.recomputed", "backward", "network.backward_block"].map(of),
    ["network (backward)", "network (backward)", "backward", "network"],
  );
});

Deno.test("the costs of a call are divided among its dispatches by their time", () => {
  const rows = divideCosts([
    kernelTime("a", "", 5, 10, 20),
    kernelTime("b.first", "", 1, 0, 40),
    kernelTime("b.second", "", 3, 100),
    kernelTime("copy", "", 2, 0, 8),
  ]);
  assertEquals(rows.map(({ flops }) => flops), [10, 25, 75, 0]);
  assertEquals(rows.map(({ bytes }) => bytes), [20, 10, 30, 8]);
});

Deno.test("totals add up by name, the longest first, with their share and rates", () => {
  const { kernels, ceilings } = sampleDocument();
  const [network, update] = totalsBy(kernels, stageOf);
  assertEquals(network, { name: "network", dispatches: 4, milliseconds: 14, share: 0.875, flops: 262e6, bytes: 8e6 });
  assertEquals([update?.name, update?.milliseconds], ["update", 2]);
  const rates = ratesOf({ milliseconds: 10, flops: 200e6, bytes: 10e6 }, ceilings);
  assertEquals(rates, { gflopPerSecond: 20, gigabytesPerSecond: 1, ofCompute: 0.5, ofMemory: 0.25 });
});

Deno.test("live bytes count every value from its first to its last dispatch", () => {
  assertEquals(liveBytes(sampleDocument().memory, 6), [5000, 5000, 4500, 4500, 4000, 4000]);
});

Deno.test("the text holds stages, blocks, kernels, the largest dispatches, time and memory", () => {
  const text = formatProfile(sampleDocument());
  assertMatch(text, /^network +4 +14\.0 ms +87\.5 % +0\.262 +8\.00 +18\.7 +0\.57 +46\.8 % +14\.3 %$/m);
  assertMatch(text, /^network\.input_blocks\.1 +2 +8\.00 ms +50\.0 %/m);
  assertMatch(text, /^conv2d\.direct +3 +12\.0 ms +75\.0 %/m);
  assertMatch(text, /^conv2d\.direct at network\.input_blocks\.1\.0\.in_layers\.2 +1 +6\.00 ms +37\.5 %/m);
  assertStringIncludes(text, "40.0 GFLOP/s (multiply-adds), 4.00 GB/s (copy)");
  assertStringIncludes(text, "3 values of 5.5 kB in 2 slots of 5.0 kB; at most 5.0 kB live at once, at dispatch 0");
  assertStringIncludes(text, "1.00 % of the replay");
});

Deno.test("what a replay takes beyond its dispatches is named, and explained above a tenth", () => {
  const explain = (changes: Partial<ProfileDocument>): string => explainTime(sampleDocument(changes)).join("\n");
  const within = explain({});
  assertStringIncludes(within, "17.0 ms, its dispatches 16.0 ms together: 5.9 % are not accounted for");
  assert(!within.includes("barriers") && !within.includes("other programs"));
  const slow = { replayMilliseconds: 30 };
  assertStringIncludes(explain(slow), "other programs, which meets the two unequally");
  const gaps = { ...slow, fastest: { replayMilliseconds: 25, kernelMilliseconds: 16 } };
  assertStringIncludes(explain(gaps), "between dispatches");
  const overlap = { replayMilliseconds: 10, fastest: { replayMilliseconds: 10, kernelMilliseconds: 16 } };
  assertStringIncludes(explain(overlap), "60.0 % more than the replay");
  assertStringIncludes(explain(overlap), "neighbours overlap");
  assertStringIncludes(explain({ kernelMilliseconds: 20 }), "add up to 16.0 ms");
});

Deno.test("a tree by scope joins what belongs together, one by time keeps the order", () => {
  const rows = [
    kernelTime("k", "a.x", 1),
    kernelTime("k", "b", 2),
    kernelTime("k", "a.x", 4),
    kernelTime("k", "a.x", 8),
  ];
  const byScope = scopeTree(rows, "scope").children;
  assertEquals(byScope.map(({ path, start, milliseconds }) => [path, start, milliseconds]), [["a", 0, 13], [
    "b",
    13,
    2,
  ]]);
  const kernels = byScope[0]!.children[0]!.children;
  assertEquals(kernels.map(({ path, dispatches }) => [path, dispatches]), [["a.x k", 3]]);
  const byTime = scopeTree(rows, "time").children;
  assertEquals(byTime.map(({ name, start, milliseconds }) => [name, start, milliseconds]), [
    ["a", 0, 1],
    ["b", 1, 2],
    ["a", 3, 12],
  ]);
  assertEquals(byTime[2]!.children[0]!.children.map(({ start, milliseconds }) => [start, milliseconds]), [[3, 4], [
    7,
    8,
  ]]);
});

Deno.test("the trace holds complete events, each inside the scope that it belongs to", () => {
  const document = sampleDocument();
  const { traceEvents } = JSON.parse(JSON.stringify(chromeTrace(document))) as { traceEvents: TraceEvent[] };
  const complete = traceEvents.filter(({ ph }) => ph === "X");
  const kernels = complete.filter(({ cat }) => cat === "kernel");
  assertEquals(
    kernels.map(({ name, dur }) => [name, dur]),
    document.kernels.map((row) => [row.label, 1000 * row.milliseconds]),
  );
  const open: TraceEvent[] = [];
  for (const event of complete) {
    const end = event.ts! + event.dur!;
    while (open.length > 0 && open.at(-1)!.ts! + open.at(-1)!.dur! <= event.ts! + 1e-6) open.pop();
    const parent = open.at(-1);
    if (parent) assert(event.ts! >= parent.ts! && end <= parent.ts! + parent.dur! + 1e-6, event.name);
    open.push(event);
  }
  assertEquals(complete.filter(({ name }) => name === "network").map(({ ts, dur }) => [ts, dur]), [[0, 14000]]);
  assertEquals(complete.find(({ name }) => name === "in_layers.2")?.args.scope, "network.input_blocks.1.0.in_layers.2");
  const counted = traceEvents.filter(({ ph }) => ph === "C").map(({ args }) => Number(args.bytes));
  assertEquals(counted, [...liveBytes(document.memory, 6)]);
});

Deno.test("the page has all its parts, needs nothing from elsewhere, and escapes names", () => {
  const page = htmlPage(sampleDocument());
  for (const id of ["time", "flame", "roofline", "kernels", "memory"]) {
    assertStringIncludes(page, `<section id="${id}">`);
  }
  assert(!/https?:|src=|@import|url\(|<link/.test(page));
  assertStringIncludes(page, "prefers-color-scheme: dark");
  assertStringIncludes(page, "an adapter &lt;of glass&gt;");
  assertEquals(page.match(/<circle /g)?.length, 6);
  assertEquals(page.match(/class="value /g)?.length, 3);
  assertEquals(page.match(/class="slot"/g)?.length, 2);
  assertStringIncludes(page, "<title>network.input_blocks.1: 8.00 ms, 50.0 %, 2 dispatches, 15.3 GFLOP/s</title>");
  const numbers = [...page.matchAll(/ (?:x|y|cx|cy|r|width|height)="([^"]*)"/g)].map(([, text]) => Number(text));
  assert(numbers.length > 50 && numbers.every(Number.isFinite));
});

Deno.test("a page can be made of a profile without time and without operations", () => {
  const kernels = [kernelTime("copy", "", 0, 0, 0)];
  const page = htmlPage(
    sampleDocument({ kernels, replayMilliseconds: 0, kernelMilliseconds: 0, spanMilliseconds: null }),
  );
  assert(!/NaN|Infinity/.test(page));
});

Deno.test("a comparison lists changes by size, also of what only one profile has", () => {
  const before = sampleDocument();
  const kernels = [
    kernelTime("conv2d.winograd", "network.input_blocks.0.0", 1),
    kernelTime("conv2d.direct", "network.input_blocks.1.0.in_layers.2", 6),
    ...before.kernels.slice(2),
  ];
  const after = sampleDocument({ kernels, replayMilliseconds: 8.5 });
  const changes = changesBy(before.kernels, after.kernels, kernelOf);
  assertEquals(changes.map(({ name, difference }) => [name, difference]), [
    ["conv2d.direct", -4],
    ["conv2d.winograd", 1],
    ["groupNorm.apply", 0],
    ["weightedSum", 0],
  ]);
  const text = formatComparison(before, after);
  assertMatch(text, /^replay +17\.0 ms +8\.50 ms +0\.50$/m);
  assertMatch(text, /^conv2d\.direct +12\.0 ms +8\.00 ms +-4\.00 ms +0\.67 +3 -> 2$/m);
  assertMatch(text, /^conv2d\.winograd +- +1\.00 ms +\+1\.00 ms +new +0 -> 1$/m);
  assertMatch(text, /^network\.input_blocks\.0 +4\.00 ms +1\.00 ms +-3\.00 ms +0\.25 +1$/m);
  assertMatch(formatComparison(after, before), /^conv2d\.winograd .* gone +1 -> 0$/m);
  assertStringIncludes(formatComparison(before, sampleDocument({ batch: 2, adapter: "other" })), "adapters differ");
});

Deno.test("a file that is no profile is refused by name", () => {
  assertEquals(parseDocument(JSON.stringify(sampleDocument()), "a.json"), sampleDocument());
  for (const text of ["", "{}", "null", '{"format":"shortcut-profile-0"}']) {
    assertThrows(() => parseDocument(text, "a.json"), UsageError, '"a.json" is no profile');
  }
});

commandTest("wrong command lines are refused before anything is measured", async (folder) => {
  const profile = folder.write("a.json", new TextEncoder().encode(JSON.stringify(sampleDocument())));
  const cases: readonly (readonly [string[], number, string])[] = [
    [[profile], 2, "files belong to --compare"],
    [["--compare", profile], 2, "--compare was given 1 files, two are needed"],
    [["--compare", profile, profile, "--batch", "2"], 2, "leave --batch out"],
    [["--compare", profile, folder.path("none.json")], 2, "there is no file"],
    [["--task", "sr50"], 2, 'there is no task "sr50"'],
    [["--runs", "0"], 2, '--runs is "0"'],
    [["--json", folder.path("x"), "--trace", folder.path("x")], 2, "would replace"],
    [["--html", folder.path("none/x.html")], 1, "does not exist"],
    [["--size", "60"], 1, "multiples of"],
  ];
  for (const [words, code, message] of cases) {
    const outcome = await runCommand(["profile", ...words]);
    assertEquals(outcome.code, code, outcome.stderr);
    assertStringIncludes(outcome.stderr, message);
  }
});

commandTest("a step is profiled, written in every form, and compared", async (folder) => {
  const [json, trace, html] = ["a.json", "a.trace.json", "a.html"].map(folder.path);
  const words = ["--task", "inpaint", "--size", "16", "--batch", "2", "--runs", "1"];
  const { stdout } = await runWell(["profile", ...words, "--json", json!, "--trace", trace!, "--html", html!]);
  for (const stage of ["network", "predict", "projection", "noise", "update"]) {
    assertMatch(stdout, new RegExp(`^${stage} `, "m"));
  }
  const document = parseDocument(await Deno.readTextFile(json!), json!);
  assertEquals([document.batch, document.height, document.task], [2, 16, "inpaint"]);
  assert(document.kernels.length > 50 && document.ceilings.gflopPerSecond > 1);
  const total = document.kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  assert(total > 0 && document.replayMilliseconds > 0 && document.hostMilliseconds > 0);
  const slots = document.memory.slotBytes;
  for (const { slot, bytes } of document.memory.values) assert(bytes <= slots[slot]!);
  assertAlmostEquals(document.kernels.reduce((sum, { flops }) => sum + flops, 0) / 1e9, 0.42, 0.05);
  assertEquals(JSON.parse(await Deno.readTextFile(trace!)).displayTimeUnit, "ms");
  assertStringIncludes(await Deno.readTextFile(html!), "<svg");
  const comparison = await runWell(["profile", "--compare", json!, json!]);
  assertMatch(comparison.stdout, /^replay .* 1\.00$/m);
});

/** A profile of the command line, with few replays. */
async function profiled(folder: Folder, ...words: string[]): Promise<ProfileDocument> {
  await runWell(["profile", "--size", "16", "--runs", "1", "--json", folder.path("p.json"), ...words]);
  return parseDocument(await Deno.readTextFile(folder.path("p.json")), "p.json");
}

commandTest("tasks with files, tasks that are not linear, and methods without a task are profiled", async (folder) => {
  const mask = folder.picture("mask.png", { width: 40, height: 40, colorType: 0, sample: (x) => x < 20 ? 255 : 0 });
  const masked = await profiled(folder, "--task", "inpaint", "--mask", mask, "--method", "ddnm", "--steps", "2");
  assertEquals([masked.task, masked.sampler?.name, masked.sampler?.step], ["inpaint", "ddnm", "0"]);
  assertEquals(masked.stages?.map(({ runs }) => runs), [1]);
  const kernel = folder.write("kernel.txt", new TextEncoder().encode("0 0 0\n0 1 1\n0 0 0\n"));
  const blurred = await profiled(folder, "--task", "deblur-kernel", "--kernel", kernel, "--generation-steps", "2");
  assertEquals([blurred.task, blurred.sampler?.name], ["deblur-kernel", "ssd"]);
  const curved = await profiled(folder, "--task", "phase");
  assertEquals(curved.sampler?.name, "dps");
  assert(totalsBy(curved.kernels, stageOf).some(({ name }) => name === "network (backward)"));
  const upsampler = await randomModel(folder, "upsampler.safetensors", UPSAMPLER);
  const enlarging = await profiled(folder, "--model", upsampler, "--class", "1", "--method", "ddim", "--steps", "2");
  assertEquals([enlarging.task, enlarging.operator?.measurementShape], ["upsample", [4, 4, 3]]);
});
