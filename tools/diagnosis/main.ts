/**
 * How right diagnoses are: `deno run -A tools/diagnosis/main.ts FOLDER [options]` damages parts of photographs in ways
 * drawn from a seed, has them looked at, and prints what was found of what was done; with `--restore`, how near
 * restorations that follow them come to those that know the damage.
 */
import { readCommandLine, readImage } from "../../io/mod.ts";
import { numberOf, textOf } from "../../parameters/mod.ts";
import { colourRaster, grayToRgb, type Raster } from "../../raster/mod.ts";
import { diagnose, type Finding, SURE } from "../../restoration/mod.ts";
import { damaged, type Expected, generator, type Kind, KINDS, PAIRS } from "./damages.ts";
import { measureBlind } from "./blind_table.ts";
import { compareRestorations } from "./restored.ts";
import { measureScratches } from "./scratch_table.ts";

const SPEC = {
  name: "diagnosis",
  summary: "Damages parts of photographs and looks at what a diagnosis says of them.",
  operands: { usage: "FOLDER", min: 1, max: 1 },
  options: {
    damaged: { kind: "integer", min: 0, help: "Pictures damaged in one way (default 300)" },
    only: { kind: "choice", choices: KINDS, help: "The way in which they are damaged (default all in turn)" },
    pairs: { kind: "integer", min: 0, help: "Pictures damaged in two ways (default 90)" },
    undamaged: { kind: "integer", min: 0, help: "Undamaged ones (default 30)" },
    side: { kind: "integer", min: 64, help: "Side of the pictures (default 256)" },
    seed: { kind: "integer", min: 0, help: "Seed of places and damages (default 0)" },
    restore: { kind: "integer", min: 1, help: "Restore so many damaged pictures instead, by diagnosis and by truth" },
    scratches: {
      kind: "integer",
      min: 1,
      help:
        "Look for scratches instead, in so many pictures of 64, 128 and 256 pixels, undamaged and scratched; with " +
        "--restore fill so many of each by the mask that is found and by the true one",
    },
    blind: { kind: "integer", min: 1, help: "Restore so many blurred pictures instead, by kernels that are found" },
    second: { kind: "flag", help: "Take every second photograph alone, those by which no score of lines was fitted" },
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

/** Sides of pictures in which scratches are looked for. */
const SCRATCHED_SIDES = [64, 128, 256];

/** What was found of the pictures of one kind. */
interface Tally {
  count: number;
  /** Surely found damages, each by how often. */
  readonly found: Map<string, number>;
  /** How often all that was done was found with the right quantities. */
  right: number;
  /** How often surely something else. */
  wrong: number;
}

async function main(words: readonly string[]): Promise<number> {
  const line = readCommandLine(SPEC, words);
  if (line === "help") return 0;
  const { operands: [folder], values } = line;
  const side = numberOf(values, "side") ?? 256;
  const all = await photographsOf(folder!, 2 * side);
  const photographs = values["second"] === true ? all.filter((_, k) => k % 2 === 1) : all;
  const seed = numberOf(values, "seed") ?? 0;
  const restored = numberOf(values, "restore");
  const scratches = numberOf(values, "scratches");
  if (scratches !== undefined) {
    const setting = { photographs, seed, sides: SCRATCHED_SIDES, count: scratches, restored: restored ?? 0 };
    // deno-lint-ignore no-console -- the output of the command
    console.log(await measureScratches({ ...setting, open: photographOf }));
    return 0;
  }
  const temporary = await Deno.makeTempDir();
  const blind = numberOf(values, "blind");
  try {
    const setting = { photographs, side, seed, folder: temporary };
    if (blind !== undefined) {
      // deno-lint-ignore no-console -- the output of the command
      console.log(await measureBlind({ ...setting, count: blind, open: photographOf }));
      return 0;
    }
    // deno-lint-ignore no-console -- the output of the command
    console.log(
      restored === undefined
        ? tableOf(
          await lookAt(setting, {
            damaged: numberOf(values, "damaged") ?? 300,
            undamaged: numberOf(values, "undamaged") ?? 30,
            pairs: numberOf(values, "pairs") ?? 90,
            kinds: KINDS.filter((kind) => kind === (textOf(values, "only") ?? kind)),
          }),
        )
        : await compareRestorations({ ...setting, count: restored, open: photographOf }),
    );
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
  return 0;
}

/** Has pictures of every kind looked at. */
async function lookAt(
  { photographs, side, seed, folder }: {
    readonly photographs: readonly string[];
    readonly side: number;
    readonly seed: number;
    readonly folder: string;
  },
  { kinds: ways, ...counts }:
    & Readonly<Record<"damaged" | "undamaged" | "pairs", number>>
    & { readonly kinds: readonly Kind[] },
): Promise<ReadonlyMap<Kind, Tally>> {
  const random = generator(seed);
  const tallies = new Map<Kind, Tally>();
  const kinds: Kind[] = [
    ...Array.from({ length: counts.damaged }, (_, k) => ways[k % ways.length]!),
    ...Array.from({ length: counts.undamaged }, () => "none" as const),
    ...Array.from({ length: counts.pairs }, (_, k) => PAIRS[k % PAIRS.length]!),
  ];
  for (const [k, kind] of kinds.entries()) {
    const photograph = await photographOf(photographs[k % photographs.length]!);
    const { expected, picture } = await damaged(photograph, kind, { side, folder, random });
    count(tallies, kind, expected, diagnose(picture, "picture").findings);
  }
  return tallies;
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
  expected: readonly Expected[],
  findings: readonly Finding[],
): void {
  const tally = tallies.get(kind) ?? { count: 0, found: new Map(), right: 0, wrong: 0 };
  tallies.set(kind, tally);
  tally.count++;
  // What a photograph shows by itself is no damage that was done.
  const sure = findings.filter(({ confidence, remedy, damage: found }) =>
    confidence >= SURE && (remedy || found === "compressed")
  );
  for (const { damage: found } of sure) tally.found.set(found, (tally.found.get(found) ?? 0) + 1);
  const isRight = ({ damage, value: [name, value] }: Expected): boolean => {
    const named = sure.find((finding) => finding.damage === damage);
    const off = Math.abs((named?.values[name] ?? Infinity) - value);
    return off <= (TOLERANCES[damage] ?? 0) * value;
  };
  if (expected.length > 0 && expected.every(isRight)) tally.right++;
  if (sure.some((finding) => expected.every(({ damage }) => finding.damage !== damage))) tally.wrong++;
}

/** A table in Markdown: a row for each kind, a column for each damage that was found. */
function tableOf(tallies: ReadonlyMap<Kind, Tally>): string {
  const damages = ["compressed", "noisy", "blurred", "enlarged", "missing", "scratched", "faded"];
  const head = ["damaged by", "pictures", ...damages, "right quantity", "something else"];
  const rows = [...tallies].map(([kind, { count, found, right, wrong }]) =>
    [kind, count, ...damages.map((damage) => found.get(damage) ?? 0), kind === "none" ? "-" : right, wrong].map(String)
  );
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
