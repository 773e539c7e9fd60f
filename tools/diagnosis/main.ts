/**
 * How right diagnoses are: `deno run -A tools/diagnosis/main.ts FOLDER [options]` damages parts of photographs, each in
 * one way drawn from a seed, has them looked at, and prints what was found of what was done.
 */
import { readCommandLine, readImage } from "../../io/mod.ts";
import { numberOf } from "../../parameters/mod.ts";
import { colourRaster, grayToRgb, type Raster } from "../../raster/mod.ts";
import { diagnose, type Finding, SURE } from "../../restoration/mod.ts";
import { damaged, generator, type Kind, KINDS } from "./damages.ts";

const SPEC = {
  name: "diagnosis",
  summary: "Damages parts of photographs and looks at what a diagnosis says of them.",
  operands: { usage: "FOLDER", min: 1, max: 1 },
  options: {
    damaged: { kind: "integer", min: 1, help: "Damaged pictures (default 300)" },
    undamaged: { kind: "integer", min: 0, help: "Undamaged ones (default 30)" },
    side: { kind: "integer", min: 64, help: "Side of the pictures (default 256)" },
    seed: { kind: "integer", min: 0, help: "Seed of places and damages (default 0)" },
  },
  examples: [["tools/diagnosis/main.ts photos", "the tables of docs/diagnosis.md"]],
} as const;

/** Part of a quantity by which an estimate may be off. */
const TOLERANCES: Readonly<Record<string, number>> = {
  compressed: 0,
  noisy: 0.1,
  blurred: 0.15,
  enlarged: 0,
};

/** What was found of the pictures of one kind. */
interface Tally {
  count: number;
  /** Surely found damages, each by how often. */
  readonly found: Map<string, number>;
  /** How often the right damage was found with the right quantity. */
  right: number;
  /** How often surely something else. */
  wrong: number;
}

async function main(words: readonly string[]): Promise<number> {
  const line = readCommandLine(SPEC, words);
  if (line === "help") return 0;
  const { operands: [folder], values } = line;
  const side = numberOf(values, "side") ?? 256;
  const photographs = await photographsOf(folder!, 2 * side);
  const random = generator(numberOf(values, "seed") ?? 0);
  const tallies = new Map<Kind, Tally>();
  const kinds: Kind[] = [
    ...Array.from({ length: numberOf(values, "damaged") ?? 300 }, (_, k) => KINDS[k % KINDS.length]!),
    ...Array.from({ length: numberOf(values, "undamaged") ?? 30 }, () => "none" as const),
  ];
  const temporary = await Deno.makeTempDir();
  try {
    for (const [k, kind] of kinds.entries()) {
      const photograph = await photographOf(photographs[k % photographs.length]!);
      const { damage, value, picture } = await damaged(photograph, kind, { side, folder: temporary, random });
      const { findings } = diagnose(picture, "picture");
      count(tallies, kind, { damage, value, findings });
    }
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
  // deno-lint-ignore no-console -- the output of the command
  console.log(tableOf(tallies));
  return 0;
}

/** Photographs that are large enough, in the order of their names. */
async function photographsOf(folder: string, least: number): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (/\.(png|jpe?g|webp)$/i.test(name)) names.push(name);
  const paths: string[] = [];
  for (const name of names.sort()) {
    const { width, height } = await readImage(`${folder}/${name}`);
    if (Math.min(width, height) >= least) paths.push(`${folder}/${name}`);
  }
  return paths;
}

async function photographOf(path: string): Promise<Raster> {
  return grayToRgb(colourRaster(await readImage(path)));
}

function count(
  tallies: Map<Kind, Tally>,
  kind: Kind,
  { damage, value: [name, value], findings }: {
    readonly damage: string;
    readonly value: readonly [string, number];
    readonly findings: readonly Finding[];
  },
): void {
  const tally = tallies.get(kind) ?? { count: 0, found: new Map(), right: 0, wrong: 0 };
  tallies.set(kind, tally);
  tally.count++;
  // What a photograph shows by itself is no damage that was done.
  const sure = findings.filter(({ confidence, remedy, damage: found }) =>
    confidence >= SURE && (remedy || found === "compressed")
  );
  for (const { damage: found } of sure) tally.found.set(found, (tally.found.get(found) ?? 0) + 1);
  const named = sure.find((finding) => finding.damage === damage);
  const off = Math.abs((named?.values[name] ?? Infinity) - value);
  if (off <= (TOLERANCES[damage] ?? 0) * value) tally.right++;
  if (sure.some((finding) => finding.damage !== damage)) tally.wrong++;
}

/** A table in Markdown: a row for each kind, a column for each damage that was found. */
function tableOf(tallies: ReadonlyMap<Kind, Tally>): string {
  const damages = ["compressed", "noisy", "blurred", "enlarged", "missing", "faded"];
  const head = ["damaged by", "pictures", ...damages, "right quantity", "something else"];
  const rows = [...tallies].map(([kind, { count, found, right, wrong }]) =>
    [kind, count, ...damages.map((damage) => found.get(damage) ?? 0), kind === "none" ? "-" : right, wrong].map(String)
  );
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
