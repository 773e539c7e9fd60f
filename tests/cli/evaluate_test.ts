/** `evaluate`: what it makes, that it makes nothing twice, and that parts and interrupted runs come to the same. */
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { childCommand, commandTest, type Folder, readReport, runCommand, runWell } from "./run_command.ts";

const TASKS = "sr2; inpaint --mask-random 0.5 --sigma-y 0.1";
const METHODS = "pseudo-inverse; ssd --steps 4; ddnm+ --steps 4";

/** Two small pictures, in a folder of their own. */
function pictures(folder: Folder): string {
  const path = folder.folder("pictures");
  folder.picture("pictures/a.png", { width: 16, height: 16 });
  folder.picture("pictures/b.png", { width: 24, height: 16 });
  return path;
}

function words(folder: Folder, out: string, ...more: readonly string[]): readonly string[] {
  return [
    "evaluate",
    folder.path("pictures"),
    "--tasks",
    TASKS,
    "--methods",
    METHODS,
    "--out",
    folder.path(out),
    ...more,
  ];
}

const TABLES = ["results.csv", "summary.csv", "results.json", "evaluation.json"];

function tablesIn(folder: Folder, out: string): Readonly<Record<string, string>> {
  return Object.fromEntries(TABLES.map((name) => [name, textAt(folder.path(`${out}/${name}`))]));
}

/** Names of the units that are there. */
function unitsIn(folder: Folder, out: string): readonly string[] {
  return folder.list(`${out}/units`).filter((name) => /^[0-9a-f]{32}\.json$/.test(name));
}

function bytesAt(path: string): Uint8Array {
  return Deno.readFileSync(path);
}

function textAt(path: string): string {
  return Deno.readTextFileSync(path);
}

function writtenAt(path: string): Date | null {
  return Deno.statSync(path).mtime;
}

function rowsOf(csv: string): readonly (readonly string[])[] {
  return csv.trimEnd().split("\n").slice(1).map((line) => line.split(","));
}

commandTest("evaluate makes every picture with every method, as restore makes it", async (folder) => {
  pictures(folder);
  const { stdout } = await runWell(words(folder, "out", "--seeds", "0,7"));
  const rows = rowsOf(tablesIn(folder, "out")["results.csv"]!);
  assertEquals(rows.length, 2 * 2 * 3 * 2);
  assertEquals(
    new Set(rows.map(([image, task, method, seed]) => [image, task, method, seed].join())).size,
    rows.length,
  );
  assertEquals(folder.list("out/units").length, 2 * rows.length, "a picture and a record for each");
  const [image, , method, seed, nfe, psnr, ssim, , , unit] = rows.find((row) =>
    row[2] === "ssd --steps 4" && row[3] === "7"
  )!;
  assertEquals([image, method, seed, nfe], ["a.png", "ssd --steps 4", "7", "3"]);
  const record = JSON.parse(textAt(folder.path(`out/units/${unit}.json`)));
  const again = folder.path("again.png");
  await runWell([...record.command, "--out", again]);
  assertEquals(bytesAt(again), bytesAt(folder.path(`out/units/${unit}.png`)));
  const { metrics } = readReport(again) as { metrics: { result: { psnr: number; ssim: number } } };
  assertEquals([metrics.result.psnr, metrics.result.ssim], [Number(psnr), Number(ssim)]);
  assertStringIncludes(stdout, "ssd --steps 4");
});

commandTest("a repeated evaluation makes nothing, and a larger one only what is new", async (folder) => {
  pictures(folder);
  await runWell(words(folder, "out"));
  const before = tablesIn(folder, "out");
  const times = (): Record<string, unknown> =>
    Object.fromEntries(
      folder.list("out/units").map((name) => [name, writtenAt(folder.path(`out/units/${name}`))]),
    );
  const written = times();
  const { stderr, stdout } = await runWell(words(folder, "out"));
  assertMatch(stderr, /12 results, 12 there already/);
  assertStringIncludes(stdout, "no result was made anew");
  assertEquals(times(), written);
  assertEquals(tablesIn(folder, "out"), before);
  const more = await runWell([...words(folder, "out").with(5, `${METHODS}; ddrm --steps 4`)]);
  assertMatch(more.stderr, /16 results, 12 there already/);
  for (const [name, time] of Object.entries(written)) assertEquals(times()[name], time, name);
});

commandTest("what decides a result is in its name: another option is another unit", async (folder) => {
  pictures(folder);
  const one = ["evaluate", folder.path("pictures/a.png"), "--out", folder.path("out"), "--tasks", "sr2"];
  await runWell([...one, "--methods", "ssd --steps 4"]);
  const first = unitsIn(folder, "out");
  await runWell([...one, "--methods", "ssd --steps 4 --eta 0.5"]);
  await runWell([...one, "--methods", "ssd --steps 4", "--seeds", "3"]);
  await runWell([...one, "--methods", "ssd --steps 4", "--size", "8"]);
  await runWell([...one, "--methods", "ssd --inversion-steps 2 --generation-steps 2"]);
  assertEquals([first.length, unitsIn(folder, "out").length], [1, 4], "the last says the first in other words");
});

commandTest("shards of an evaluation merge into the tables of the whole", async (folder) => {
  pictures(folder);
  await runWell(words(folder, "whole"));
  for (const part of [1, 2, 3]) await runWell(words(folder, `part${part}`, "--shard", `${part}/3`));
  const counts = [1, 2, 3].map((part) => unitsIn(folder, `part${part}`).length);
  assertEquals(counts, [4, 4, 4]);
  assertMatch(
    (await runWell(["evaluate", "merge", folder.path("part1"), "--out", folder.path("some")])).stdout,
    /8 of 12/,
  );
  const parts = [1, 2, 3].map((part) => folder.path(`part${part}`));
  await runWell(["evaluate", "merge", ...parts.toReversed(), "--out", folder.path("merged")]);
  assertEquals(tablesIn(folder, "merged"), tablesIn(folder, "whole"));
  for (const name of unitsIn(folder, "whole").map((name) => name.replace("json", "png"))) {
    assertEquals(
      bytesAt(folder.path(`merged/units/${name}`)),
      bytesAt(folder.path(`whole/units/${name}`)),
    );
  }
  await runWell([
    "evaluate",
    folder.path("pictures/a.png"),
    "--tasks",
    "sr2",
    "--methods",
    "ssd --steps 4",
    "--out",
    folder.path("other"),
  ]);
  const { code, stderr } = await runCommand([
    "evaluate",
    "merge",
    parts[0]!,
    folder.path("other"),
    "--out",
    folder.path("bad"),
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "they are parts of different evaluations");
});

commandTest("an evaluation that is killed again and again loses only what it was making", async (folder) => {
  pictures(folder);
  await runWell(words(folder, "whole"));
  const kept = new Map<string, Date | null>();
  for (let kill = 0; kill < 3; kill++) {
    const child = childCommand(words(folder, "killed")).spawn();
    const goal = Math.min(kept.size + 2 + kill, 11);
    while (!isThere(folder, "killed") || unitsIn(folder, "killed").length < goal) await pause(5);
    await pause(17 * kill);
    child.kill("SIGKILL");
    await child.output();
    for (const [name, time] of kept) {
      assertEquals(writtenAt(folder.path(`killed/units/${name}`)), time, "made twice");
    }
    for (const name of unitsIn(folder, "killed")) {
      kept.set(name, writtenAt(folder.path(`killed/units/${name}`)));
      JSON.parse(textAt(folder.path(`killed/units/${name}`)));
    }
  }
  const { stderr } = await runWell(words(folder, "killed"));
  assertStringIncludes(stderr, `12 results, ${kept.size} there already`);
  assertEquals(tablesIn(folder, "killed"), tablesIn(folder, "whole"));
});

function isThere(folder: Folder, out: string): boolean {
  try {
    return Deno.statSync(folder.path(`${out}/units`)).isDirectory;
  } catch {
    return false;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

commandTest("methods that do not go with a task are left out, with the reason", async (folder) => {
  const picture = folder.picture("a.png", {});
  const { stderr } = await runWell([
    ...["evaluate", picture, "--tasks", "ct; sr2", "--methods", "ddrm --steps 4", "--out", folder.path("out")],
  ]);
  assertMatch(
    stderr,
    /1 result, 0 there already\nLeft out: ddrm --steps 4 on ct: Cannot run ddrm on "ct"/,
  );
  const { unfit, units } = JSON.parse(textAt(folder.path("out/results.json")));
  assertEquals([unfit.length, units.length], [1, 1]);
  assertStringIncludes(textAt(folder.path("out/report.html")), "Left out");
});

commandTest("a config says what is evaluated, with paths from its own folder", async (folder) => {
  pictures(folder);
  folder.picture("pictures/mask.png", { width: 16, height: 16, colorType: 0, sample: (x) => x < 4 ? 0 : 255 });
  const config = {
    title: "Two of <them>",
    images: ["pictures/a.png"],
    tasks: [{ name: "torn", options: "inpaint --mask pictures/mask.png" }, "sr2"],
    methods: [{ name: "SSD", options: "ssd --steps 4" }, "ddnm --steps 4"],
    options: "--size 16",
    paper: [{ method: "SSD (paper)", task: "sr2", nfe: 30, psnr: 28.71 }],
  };
  const path = folder.write("config.json", new TextEncoder().encode(JSON.stringify(config)));
  const { stdout } = await runWell(["evaluate", "--config", path, "--out", folder.path("out"), "--dry-run"]);
  assertEquals(stdout, "");
  assert(!isThere(folder, "out"), "a dry run makes nothing");
  await runWell(["evaluate", "--config", path, "--out", folder.path("out"), "--sheet", folder.path("sheet.png")]);
  const { width, height } = await readImage(folder.path("sheet.png"));
  // Two tasks; measurement, two methods and the original: 16x16 pixels eight times as large, with gaps of 8.
  assertEquals([width, height], [2 * 136 + 8, 4 * 136 + 8]);
  const page = textAt(folder.path("out/report.html"));
  for (const part of ["Two of &lt;them&gt;", "SSD (paper)", "28.71", "data:image/png;base64,", "--config"]) {
    assertStringIncludes(page, part);
  }
  assertEquals(page.match(/(src|href)="(?!data:)[^"]*"/g), null, "the page needs nothing else");
  assertEquals(rowsOf(tablesIn(folder, "out")["summary.csv"]!).map(([task, method]) => [task, method]), [
    ["torn", "SSD"],
    ["torn", "ddnm --steps 4"],
    ["sr2", "SSD"],
    ["sr2", "ddnm --steps 4"],
  ]);
});

commandTest("evaluate refuses what contradicts itself before it opens anything", async (folder) => {
  const picture = folder.picture("a.png", {});
  const config = (value: unknown): string[] => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return ["--config", folder.write(`${crypto.randomUUID()}.json`, new TextEncoder().encode(text))];
  };
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /no picture; name pictures or folders, or --config FILE/],
    [[picture, "--tasks", "sr3"], /there is no task "sr3"/],
    [[picture, "--tasks", "sr2 --mask-random 0.5"], /--mask-random belongs to task "inpaint"/],
    [[picture, "--tasks", "sr2 --colour"], /task "sr2 --colour" of the command line: .* has no option "--colour"/],
    [[picture, "--methods", "ssd; ssd"], /the command line has two methods "ssd"/],
    [[picture, "--methods", "ssd --travel-length 3"], /--travel-length belongs to --method ddnm, ddnm\+, repaint/],
    [[picture, "--seeds", "1,1"], /the seeds of the command line are 1, 1, distinct whole numbers/],
    [[picture, "--seeds", "x"], /the seeds of the command line are NaN/],
    [[picture, "--sheet", "sheet.jpg"], /--sheet is "sheet.jpg", a name that ends in .png is needed/],
    [[picture, "--shard", "3/2"], /--shard is "3\/2", I\/N with I from 1 to N/],
    [[...config({}), "--tasks", "sr2"], /leave --tasks out/],
    [config("{"), /is no JSON/],
    [config([]), /holds no object/],
    [config({ images: [picture], task: ["sr2"] }), /has a field "task", title, note, images, tasks/],
    [config({ images: "a.png" }), /images of ".*" is "a.png", a list is needed/],
    [config({ images: [picture], methods: [{ name: "x" }] }), /methods of ".*" has \{"name":"x"\}/],
    [config({ images: [picture], paper: [{ method: "x", task: "y", psnr: "28" }] }), /paper of ".*" has/],
    [["merge"], /needs the folders that are to be joined/],
    [["merge", "a", "--tasks", "sr2"], /--tasks does not belong to "evaluate merge"/],
  ];
  for (const [line, message] of cases) {
    const { code, stderr } = await runCommand(["evaluate", ...line, "--out", folder.path("out")]);
    assertEquals(code, 2, `${line}: ${stderr}`);
    assertMatch(stderr, message);
  }
  const missing = await runCommand(["evaluate", folder.path("none.png"), "--out", folder.path("out")]);
  assertEquals(missing.code, 1);
  const none = await runCommand(["evaluate", "merge", folder.folder("empty"), "--out", folder.path("out")]);
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "it has no evaluation.json of an evaluation");
  assert(!isThere(folder, "out"));
  assertNotEquals(missing.stderr, "");
});
