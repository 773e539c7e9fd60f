/** Pictures that come with the program, to see what it does without one of one's own. */
import { type OptionSpec, type OptionValues, textOf } from "../../parameters/mod.ts";

/** A picture of the program. */
export interface ExamplePicture {
  /** Its path in the program. */
  readonly file: string;
  /** What it is called where results are named. */
  readonly stem: string;
  /** What it shows, and where it is from. */
  readonly about: string;
}

/** The pictures by name, the one first that is taken where none is named. */
export const EXAMPLE_PICTURES: Readonly<Record<"portrait" | "photograph", ExamplePicture>> = {
  portrait: { file: "models/default/sample.png", stem: "sample", about: "drawn, as the embedded prior has seen many" },
  photograph: {
    file: "models/default/photograph.png",
    stem: "photograph",
    about: "Chelsea the cat by Stefan van der Walt, CC0, which no training has seen",
  },
};

/** Name of the option. */
const EXAMPLE = "example";

/** The option that names one. */
export const EXAMPLE_OPTION: Readonly<Record<string, OptionSpec>> = {
  [EXAMPLE]: {
    kind: "choice",
    choices: Object.keys(EXAMPLE_PICTURES),
    help: `Without IMAGE, the picture that is degraded and restored: ${
      Object.entries(EXAMPLE_PICTURES).map(([name, { about }], i) => `${name} (${i === 0 ? "default; " : ""}${about})`)
        .join(", ")
    }`,
  },
};

/** The picture of the program that options name, or the first. */
export function exampleOf(options: OptionValues): ExamplePicture {
  return EXAMPLE_PICTURES[(textOf(options, EXAMPLE) ?? "portrait") as keyof typeof EXAMPLE_PICTURES];
}
