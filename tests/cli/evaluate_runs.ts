// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** Small evaluations: a network with random weights for pictures of 16 x 16, and what they leave in their folders. */
import type { Description } from "../../models/mod.ts";
import { BY_CLASS, randomModel } from "./random_model.ts";
import type { Folder } from "./run_command.ts";

const { num_classes: _, ...unconditional } = BY_CLASS;

/** A network that takes no class. */
export const SMALL: Description = {
  ...unconditional,
  channel_mult: [1],
  attention_resolutions: [],
  resblock_updown: false,
};

/** Makes the command line of an evaluation from options that differ from the usual ones. */
export type CommandLine = (changed?: Readonly<Record<string, string>>) => string[];

/** Pictures, model, tasks and methods of a small evaluation: 3 x 2 x 3 units. */
export async function smallEvaluation(folder: Folder): Promise<CommandLine> {
  const model = await randomModel(folder, "small.safetensors", SMALL);
  const pictures = folder.folder("pictures");
  for (const [index, name] of ["a", "b", "c"].entries()) {
    const sample = (x: number, y: number, c: number): number => (37 * x + 11 * y * (index + 1) + 90 * c) % 256;
    folder.picture(`pictures/${name}.png`, { width: 16, height: 16, sample });
  }
  const usual = {
    model,
    tasks: "sr4, colorize sigma-y=0.1",
    methods: "pseudo-inverse, ssd steps=6, ddnm steps=4",
    out: folder.path("out"),
  };
  return (changed = {}) => [
    "evaluate",
    pictures,
    ...Object.entries({ ...usual, ...changed }).map(([option, value]) => `--${option}=${value}`),
  ];
}

/** The tables that hold no times. */
const TIMELESS = ["results.csv", "summary.csv", "differences.csv", "results.json"];

/** The texts of these tables. */
export function tablesOf(path: string): readonly string[] {
  return TIMELESS.map((name) => Deno.readTextFileSync(`${path}/${name}`));
}

/** Names of all files below a folder, sorted. */
export function filesBelow(path: string): readonly string[] {
  return Array.from(Deno.readDirSync(path)).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${path}/${name}`).map((below) => `${name}/${below}`) : [name]
  ).sort();
}

/** Names of temporary files below a folder. */
export function temporaryFiles(path: string): readonly string[] {
  return filesBelow(path).filter((name) => name.endsWith(".tmp"));
}
