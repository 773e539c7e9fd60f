import { assertEquals, assertMatch } from "@std/assert";
import { byteProgress, formatSeconds, makeReporter } from "../../io/progress.ts";
import { printedBy } from "./run_command.ts";

Deno.test("a quiet reporter tells results and what failed alone, as text and as JSON", async () => {
  const say = (json: boolean): Promise<{ readonly stdout: string; readonly stderr: string }> =>
    printedBy(() => {
      using reporter = makeReporter(json, { isTerminal: true, isQuiet: true });
      reporter.note("a note");
      reporter.step("restore", 1, 2);
      reporter.view("overview", {}, ["a view"]);
      reporter.done();
      reporter.file("a.png", "failed", "no picture");
      reporter.result({ files: 1 }, "Wrote a.png");
    });
  const text = await say(false);
  assertEquals([text.stdout, text.stderr], ["Wrote a.png\n", '"a.png": failed: no picture\n']);
  const { stdout, stderr } = await say(true);
  assertEquals(stdout.trim().split("\n").map((line) => JSON.parse(line).event), ["file", "result"]);
  assertEquals(stderr, "");
});

Deno.test("formatSeconds() reads as people say it", () => {
  assertEquals([0, 4.24, 59.94, 60, 185.4, 3600].map(formatSeconds), [
    "0.0 s",
    "4.2 s",
    "59.9 s",
    "1 min 00 s",
    "3 min 05 s",
    "60 min 00 s",
  ]);
});

Deno.test("formatSeconds() counts whole minutes, and seconds beyond them", () => {
  const texts = [59.94, 60, 100, 119.6, 3599].map(formatSeconds);
  assertEquals(texts, ["59.9 s", "1 min 00 s", "1 min 40 s", "2 min 00 s", "59 min 59 s"]);
});

Deno.test("on a terminal a bar is drawn in place with the count of evaluations and the time left", async () => {
  const { stdout, stderr } = await printedBy(() => {
    using reporter = makeReporter(false, { isTerminal: true });
    reporter.step("restore", 1, 4, { NFE: 1 });
    reporter.step("restore", 2, 4, { NFE: 2 });
    reporter.note("A sentence");
  });
  assertEquals(stdout, "");
  const [first, second] = stderr.split("\r\x1b[K").slice(1);
  assertEquals(first, `[${"=".repeat(7)}${" ".repeat(21)}] restore 1/4, NFE 1`);
  assertMatch(second!, /^\[={14} {14}\] restore 2\/4, NFE 2, \d+\.\d s left\nA sentence\n$/);
});

Deno.test("on a terminal a view is drawn in place above the bar, and one of fewer lines leaves none behind", async () => {
  const { stderr } = await printedBy(() => {
    using reporter = makeReporter(false, { isTerminal: true });
    reporter.step("evaluate", 1, 4, { workers: 2, secondsLeft: 90 });
    reporter.view("overview", { workers: 2 }, ["one", "two"]);
    reporter.view("overview", { workers: 1 }, ["three"]);
    reporter.note("A sentence");
  });
  const bar = `\x1b[K[${"=".repeat(7)}${" ".repeat(21)}] evaluate 1/4, workers 2, 1 min 30 s left`;
  const views = [`\r\x1b[Kone\n\x1b[Ktwo\n${bar}`, `\r\x1b[2A\x1b[J\x1b[Kthree\n${bar}`];
  assertEquals(stderr, `\r${bar}${views.join("")}\nA sentence\n`);
});

Deno.test("a view is an event of JSON lines, and plain lines at most once a minute", async () => {
  const say = (json: boolean): Promise<{ readonly stdout: string; readonly stderr: string }> =>
    printedBy(() => {
      using reporter = makeReporter(json, { isTerminal: false });
      for (const workers of [1, 2]) reporter.view("overview", { workers }, [`${workers} workers`]);
    });
  assertEquals((await say(false)).stderr, "1 workers\n");
  assertEquals((await say(true)).stdout, '{"event":"overview","workers":1}\n{"event":"overview","workers":2}\n');
});

Deno.test("a bar that is left in the middle ends its line, so that an error begins a new one", async () => {
  const { stderr } = await printedBy(() => {
    using reporter = makeReporter(false, { isTerminal: true });
    reporter.step("restore", 1, 4);
  });
  assertMatch(stderr, /restore 1\/4\n$/);
});

Deno.test("without a terminal the first and the last step get a line each", async () => {
  const { stderr } = await printedBy(() => {
    using reporter = makeReporter(false, { isTerminal: false });
    for (let step = 1; step <= 9; step++) reporter.step("restore", step, 9, { NFE: step });
  });
  assertMatch(stderr, /^restore 1\/9, NFE 1\nrestore 9\/9, NFE 9, \d+\.\d s left\n$/);
});

Deno.test("text results go to stdout and everything else to stderr", async () => {
  const { stdout, stderr } = await printedBy(() => {
    using reporter = makeReporter(false, { isTerminal: false });
    reporter.note("A sentence");
    reporter.result({ answer: 42 }, "The answer is 42");
  });
  assertEquals([stdout, stderr], ["The answer is 42\n", "A sentence\n"]);
});

Deno.test("with --json every event is one JSON object on stdout, and stderr stays empty", async () => {
  const { stdout, stderr } = await printedBy(() => {
    using reporter = makeReporter(true, { isTerminal: true });
    reporter.note("A sentence");
    reporter.step("restore", 1, 4, { NFE: 1 });
    reporter.done();
    reporter.result({ answer: 42 }, "The answer is 42");
  });
  assertEquals(stderr, "");
  assertEquals(stdout.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { event: "note", text: "A sentence" },
    { event: "step", phase: "restore", step: 1, steps: 4, NFE: 1 },
    { event: "result", answer: 42 },
  ]);
});

Deno.test("work that begins in the middle is estimated by what is done from there", async () => {
  const { stderr } = await printedBy(async () => {
    using reporter = makeReporter(false, { isTerminal: true });
    reporter.step("download", 90, 100);
    await new Promise((resolve) => setTimeout(resolve, 100));
    reporter.step("download", 95, 100);
  });
  const left = /95\/100, (\d+\.\d) s left/.exec(stderr);
  assertEquals(Number(left?.[1]) < 1 && Number(left?.[1]) > 0, true, stderr);
});

Deno.test("byteProgress() shows each hundredth once, and megabytes where the total is unknown", async () => {
  const shown = async (...calls: readonly (readonly [number, number | undefined])[]): Promise<unknown[]> => {
    const { stdout } = await printedBy(() => {
      using reporter = makeReporter(true);
      const progress = byteProgress(reporter, "download");
      for (const [done, total] of calls) progress(done, total);
    });
    return stdout.trimEnd().split("\n").map((line) => JSON.parse(line)).map(({ step, MB }) => [step, MB]);
  };
  assertEquals(await shown([0, 4e8], [1e6, 4e8], [4e6, 4e8], [4e8, 4e8]), [[0, 0], [1, 4], [100, 400]]);
  assertEquals(await shown([0, undefined], [5e5, undefined], [3e6, undefined]), [[0, 0], [0, 3]]);
});
