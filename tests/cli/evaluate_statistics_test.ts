/**
 * The statistics of `evaluate`, seen in its tables: units with figures chosen by hand are joined by `merge`, and the
 * expected numbers are worked out by hand, with quantiles of Student's t from printed tables.
 */
import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { makePng } from "../io/png_maker.ts";
import { type Folder, runCommand, withFolder } from "./run_command.ts";

/** Two-sided quantiles of Student's t as tables print them: 95 % with 1 and 2 degrees of freedom, 90 % with 2. */
const T = { one95: 12.706, two95: 4.3027, two90: 2.92 } as const;

/** PSNR by method, picture and seed; undefined where a unit is missing. */
type Figures = Readonly<Record<string, readonly (readonly (number | "infinite" | undefined)[])[]>>;

interface Statistics {
  readonly count: number;
  readonly mean: number;
  readonly standardDeviation: number | null;
  readonly standardError: number | null;
  readonly interval: readonly (number | null)[];
}

/** What results.json says. */
interface Results {
  readonly cells: readonly { readonly method: string; readonly summaries: { readonly psnr: Statistics } }[];
  readonly trends: readonly {
    readonly statement: string;
    readonly verdict: string;
    readonly differences: readonly Statistics[];
  }[];
}

interface Tables {
  readonly results: Results;
  readonly differences: readonly Readonly<Record<string, string>>[];
  readonly summary: readonly Readonly<Record<string, string>>[];
  readonly report: string;
}

/** Each trend is the labels of methods from the least PSNR to the greatest. */
async function tablesOf(
  folder: Folder,
  figures: Figures,
  trends: readonly (readonly string[])[] = [],
  confidence = 0.95,
): Promise<Tables> {
  const methods = Object.keys(figures);
  const counts = Object.values(figures)[0]!;
  const label = (name: string): object => ({ name, label: name, series: name });
  const units = methods.flatMap((name, method) =>
    figures[name]!.flatMap((seeds, image) =>
      seeds.map((psnr, seed) => ({ id: `u${method}-${image}-${seed}`, task: 0, method, image, seed, psnr }))
    )
  );
  const plan = {
    version: "1",
    title: "Figures",
    model: { name: "m", sha256: "0".repeat(64), known: [] },
    precision: "f32",
    size: 4,
    convention: "ddnm",
    confidence,
    images: counts.map((_, image) => ({ name: `${image}.png`, sha256: String(image) })),
    tasks: [label("sr2")],
    methods: methods.map(label),
    seeds: counts[0]!.map((_, seed) => seed),
    pairs: methods.map((_, method) => ({ task: 0, method, evaluations: { nominal: 4, actual: 4 } })),
    notApplicable: [],
    units: units.map(({ psnr: _, ...unit }) => unit),
    expectations: {
      trends: trends.map((rising) => ({ statement: rising.join(" < "), metric: "psnr", task: "sr2", rising })),
    },
  };
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const png = makePng({ width: 4, height: 4, bitDepth: 8, colorType: 2, sample: (x, y, c) => 20 * (x + y + c) });
  for (const name of ["part", "part/units", "part/pictures"]) folder.folder(name);
  folder.write("part/plan.json", json({ plan, command: "deno task evaluate", configuration: null }));
  folder.write("part/pictures/x.png", png);
  for (const { id, psnr } of units) {
    if (psnr === undefined) continue;
    folder.write(`part/units/${id}.png`, png);
    folder.write(
      `part/units/${id}.json`,
      json({
        id,
        key: {},
        metrics: { psnr },
        nfe: 4,
        truth: "x.png",
        before: "x.png",
        width: 4,
        height: 4,
        time: { seconds: 1, steadySeconds: 1, batch: 1 },
        device: "none",
      }),
    );
  }
  const { code, stderr } = await runCommand(["evaluate", "merge", folder.path("part"), "--out", folder.path("out")]);
  const missing = units.some(({ psnr }) => psnr === undefined);
  assertEquals(code, missing ? 1 : 0, stderr);
  const text = (name: string): string => Deno.readTextFileSync(folder.path(`out/${name}`));
  const rows = (name: string): readonly Readonly<Record<string, string>>[] => {
    const [head = "", ...lines] = text(name).trim().split("\n");
    return lines.map((line) => {
      const fields = line.split(",");
      return Object.fromEntries(head.split(",").map((key, index) => [key, fields[index]!]));
    });
  };
  return {
    results: JSON.parse(text("results.json")),
    differences: rows("differences.csv"),
    summary: rows("summary.csv"),
    report: text("report.html"),
  };
}

const test = (name: string, body: (folder: Folder) => Promise<void>): void => Deno.test(name, () => withFolder(body));

test("seeds of a picture are averaged first: error and interval are those of pictures", async (folder) => {
  const { results, summary } = await tablesOf(folder, { ssd: [[20, 22], [24, 26], [29, 29]] });
  // Pictures 21, 25, 29: mean 25, deviation 4.
  const { count, mean, standardDeviation, standardError, interval } = results.cells[0]!.summaries.psnr;
  assertEquals([count, mean, standardDeviation], [3, 25, 4]);
  assertAlmostEquals(standardError!, 4 / Math.sqrt(3), 1e-12);
  assertAlmostEquals(interval[0]!, 25 - T.two95 * 4 / Math.sqrt(3), 1e-3);
  assertAlmostEquals(interval[1]!, 25 + T.two95 * 4 / Math.sqrt(3), 1e-3);
  const row = summary[0]!;
  assertEquals([row["pictures"], row["units"], row["psnr"]], ["3", "6", "25"]);
  assertAlmostEquals(Number(row["psnr standard error"]), 2.3094, 1e-4);
  assertAlmostEquals(Number(row["psnr low"]), 15.0633, 1e-3);
});

test("more seeds of one picture give no interval, and no order", async (folder) => {
  const { results, differences } = await tablesOf(
    folder,
    { ddnm: [[20, 21, 22, 23]], ssd: [[30, 31, 32, 33]] },
    [["ddnm", "ssd"]],
  );
  assertEquals(results.cells[0]!.summaries.psnr.interval, [null, null]);
  assertEquals(results.trends[0]!.verdict, "undecided");
  assertEquals(differences, []);
});

test("paired differences tell an order that the intervals of the means hide", async (folder) => {
  // Pictures differ by 10 dB, the methods by 1.0, 1.1 and 1.2 on each of them.
  const { results, differences, report } = await tablesOf(
    folder,
    { ddrm: [[20], [30], [40]], ssd: [[21], [31.1], [41.2]] },
    [["ddrm", "ssd"], ["ssd", "ddrm"]],
  );
  const [rising, falling] = results.trends;
  assertEquals([rising!.verdict, falling!.verdict], ["holds", "fails"]);
  const [{ count, mean, standardError, interval }] = rising!.differences as [Statistics];
  assertEquals(count, 3);
  assertAlmostEquals(mean, 1.1, 1e-12);
  assertAlmostEquals(standardError!, 0.1 / Math.sqrt(3), 1e-12);
  assertAlmostEquals(interval[0]!, 1.1 - T.two95 * 0.1 / Math.sqrt(3), 1e-5);
  const [low, high] = results.cells[1]!.summaries.psnr.interval;
  assertEquals(low! < 20 && high! > 40, true, "the means alone tell nothing");
  assertEquals(differences.length, 1);
  assertEquals([differences[0]!["method"], differences[0]!["minus"], differences[0]!["sign"]], [
    "ssd",
    "ddrm",
    "above",
  ]);
  assertAlmostEquals(Number(differences[0]!["high"]), 1.1 + 0.24842, 1e-4);
  assertStringIncludes(report, 'ddrm &lt; ssd: <span class="holds">holds</span>');
  assertStringIncludes(report, "difference +1.10 ± 0.25");
  assertStringIncludes(report, 'ssd &lt; ddrm: <span class="fails">does not hold</span>');
  assertStringIncludes(report, "<span>-1.10 ± 0.25</span></td>");
});

test("a difference within its interval is undecided, whichever way the means lie", async (folder) => {
  // Differences 0.1, 0.2, 0.3: mean 0.2, interval from -0.048 to 0.448.
  const { results, report } = await tablesOf(
    folder,
    { ddrm: [[20], [30], [40]], ssd: [[20.1], [30.2], [40.3]] },
    [["ddrm", "ssd"], ["ssd", "ddrm"]],
  );
  assertEquals(results.trends.map(({ verdict }) => verdict), ["undecided", "undecided"]);
  const [low, high] = results.trends[0]!.differences[0]!.interval;
  assertAlmostEquals(low!, 0.2 - T.two95 * 0.1 / Math.sqrt(3), 1e-5);
  assertAlmostEquals(high!, 0.2 + T.two95 * 0.1 / Math.sqrt(3), 1e-5);
  assertStringIncludes(report, 'ddrm &lt; ssd: <span class="soft">undecided</span>');
  assertStringIncludes(report, "<span>-0.20 ± 0.25</span><small>undecided</small>");
});

test("--confidence of the evaluation decides how far an interval reaches", async (folder) => {
  const figures = { ddrm: [[20], [30], [40]], ssd: [[20.1], [30.2], [40.3]] };
  const { results } = await tablesOf(folder, figures, [["ddrm", "ssd"]], 0.9);
  const [{ interval }] = results.trends[0]!.differences as [Statistics];
  assertAlmostEquals(interval[0]!, 0.2 - T.two90 * 0.1 / Math.sqrt(3), 1e-5);
  assertEquals(results.trends[0]!.verdict, "holds", "0.2 - 0.169 is above zero");
});

test("an order of several holds if each step does, and fails if one step goes back", async (folder) => {
  const figures = {
    a: [[20], [30], [40]],
    b: [[21], [31.1], [41.2]],
    c: [[22], [32.2], [42.4]],
    d: [[22.1], [32.4], [42.7]],
  };
  const trends = [["a", "b", "c"], ["a", "b", "c", "d"], ["a", "c", "b"], ["d", "c", "b"]];
  const { results } = await tablesOf(folder, figures, trends);
  assertEquals(results.trends.map(({ verdict }) => verdict), ["holds", "undecided", "fails", "fails"]);
  assertEquals(results.trends.map(({ differences }) => differences.length), [2, 3, 2, 2]);
});

test("only units with the same picture and seed are compared", async (folder) => {
  // Of picture 0 the second method lacks seed 1: 21 - 20 is left, not 21 - (20 + 30) / 2.
  const { results } = await tablesOf(
    folder,
    { ddnm: [[20, 30], [40, 40]], ssd: [[21, undefined], [42, 44]] },
    [["ddnm", "ssd"]],
  );
  const [{ count, mean, interval }] = results.trends[0]!.differences as [Statistics];
  // Pictures 1 and 3: mean 2, deviation sqrt 2, error 1.
  assertEquals([count, mean], [2, 2]);
  assertAlmostEquals(interval[1]!, 2 + T.one95, 1e-3);
  assertEquals(results.trends[0]!.verdict, "undecided");
});

test("equal pictures differ by nothing, and one infinite value alone decides nothing", async (folder) => {
  const { results, differences } = await tablesOf(
    folder,
    { a: [["infinite"], ["infinite"]], b: [["infinite"], ["infinite"]], c: [[20], [21]] },
    [["a", "b"], ["c", "a"]],
  );
  assertEquals(results.trends.map(({ verdict }) => verdict), ["undecided", "undecided"]);
  const [{ mean, interval }] = results.trends[0]!.differences as [Statistics];
  assertEquals([mean, ...interval], [0, 0, 0]);
  assertEquals(differences.map(({ infinite, sign }) => [infinite, sign]), [["0", "undecided"], ["2", "undecided"], [
    "2",
    "undecided",
  ]]);
});
