/** What can be set, as plain data: the registers of tasks and methods, of which the page builds its controls. */

/** Values of options by their names on a command line, without dashes; those that are not given are absent. */
export type Options = Readonly<Record<string, string | number | boolean>>;

/** One option that can be set. */
export interface Control {
  /** Its key in `Options`. */
  readonly option: string;
  /** What value it takes. A flag is set to true or left out; files are given as `Request.mask` and `Request.kernel`. */
  readonly kind: "flag" | "text" | "integer" | "number" | "choice" | "mask" | "kernel";
  /** What it is, in a line, without its default. */
  readonly help: string;
  /** What holds where it is left out; null: it is left open, or follows from the picture. For a flag false. */
  readonly default: string | number | boolean | null;
  /** Values of a choice. */
  readonly choices?: readonly string[];
  /** Least value. */
  readonly min?: number;
  /** Greatest value, where it is known beforehand. */
  readonly max?: number;
  /** What an integer must be. */
  readonly parity?: "odd" | "even";
  /** Options that must be left out where this one is given. */
  readonly excludes?: readonly string[];
  /** The option without which this one says nothing. */
  readonly needs?: string;
  /** When it says something: with `degrade` alone, without it alone, or in both cases (absent). */
  readonly only?: "degrade" | "damaged";
}

/** What can be wrong with a picture. */
export interface TaskFacts {
  /** Value of the option `task`. */
  readonly name: string;
  /** What is done, in a line. */
  readonly about: string;
  /** Key of `MethodFacts.published`. */
  readonly kind: string;
  /** How many times larger the result is than the damaged picture. */
  readonly scale: number;
  /** Whether a damaged picture is restored; if false, the option `degrade` and a good picture are needed. */
  readonly takesDamaged: boolean;
  /** What becomes of a mask: there is none, it may be given, or a damaged picture without transparency needs it. */
  readonly mask: "none" | "possible" | "needed";
  /** An option that a damaged picture needs, such as the deviation of a blur, besides a mask; null for none. */
  readonly needs: string | null;
  /** What more can be said of it. */
  readonly controls: readonly Control[];
  /** Values of the option `method` that suit it, the one first that is taken where none is given. */
  readonly methods: readonly string[];
}

/** How a picture can be restored. */
export interface MethodFacts {
  /** Value of the option `method`. */
  readonly name: string;
  /** What it is, in a line. */
  readonly about: string;
  /** Where it was published. */
  readonly paper: string;
  /** Its parameters. */
  readonly controls: readonly Control[];
  /** Defaults that are others for tasks of a kind: kind, option, value. */
  readonly published: Readonly<Record<string, Options>>;
}

/** The registers as data. */
export interface Registers {
  /** In the order in which they are listed. */
  readonly tasks: readonly TaskFacts[];
  /** In the order in which they are listed. */
  readonly methods: readonly MethodFacts[];
  /** Whether the picture is a good one, which is damaged first: the option `degrade`. */
  readonly degrade: Control;
  /** Noise that is added with `degrade`; one of them at most. */
  readonly noise: readonly Control[];
  /** Size, windows and class. */
  readonly general: readonly Control[];
}
