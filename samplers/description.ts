/** What a sampler says of itself, and what follows from that: defaults, complete values, checks. */
import {
  checkedValues,
  defaultsOf,
  type Limits,
  type Parameter,
  type Parameters,
  type ValuesOf,
} from "../parameters/mod.ts";

/** What is restored, as far as published parameters depend on it. */
export type RestorationTask =
  | "super_resolution"
  | "deblurring"
  | "inpainting"
  | "colorization"
  | "phase_retrieval"
  | "compression"
  | "thumbnail";

/** Network evaluations of one run: as the paper counts them, and as they are made. */
export interface Evaluations {
  /** As the paper counts them. */
  readonly nominal: number;
  /** As they are made. */
  readonly actual: number;
}

/** An option of a command line that sets several parameters at once. */
export interface Shorthand<O extends object> {
  /** Its value on a command line. */
  readonly parameter: Parameter<number | undefined>;
  /** What it sets; none of these can be given beside it. */
  spread(value: number): Partial<O>;
}

/** What is written of a sampler. `P` are its parameters. */
export interface SamplerDefinition<P extends Parameters> {
  /** Name in the register. */
  readonly name: string;
  /** Name on a command line, where that is not the name with dashes. */
  readonly method?: string;
  /** Where it was published. */
  readonly paper: string;
  /** What it is, in a line of help. */
  readonly about: string;
  /** Whether it reckons with the deviation of the noise in the measurement. */
  readonly handlesNoise?: boolean;
  /**
   * Whether it makes its list of noise levels itself; a model comes to others over the published levels, or where no
   * measurement is needed over those of its training.
   */
  readonly makesLevels?: true;
  /** Its parameters by name. */
  readonly parameters: P;
  /** What is published for single tasks, where that is not the default. */
  readonly published?: Partial<Record<RestorationTask, Partial<NoInfer<ValuesOf<P>>>>>;
  /** Published settings by name, the first of them as the defaults are. */
  readonly presets?: Readonly<Record<string, Partial<NoInfer<ValuesOf<P>>>>>;
  /** Options that set several parameters, by name. */
  readonly shorthands?: Readonly<Record<string, Shorthand<NoInfer<ValuesOf<P>>>>>;
  /** Parameters of a relative that this sampler fixes: they may be given and are not read; reports name them. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  /** What else follows where some parameters are given and others are not. */
  implied?(given: Partial<NoInfer<ValuesOf<P>>>): Partial<NoInfer<ValuesOf<P>>>;
  /** Greatest values by the name that `max` of a parameter has; T, and the parameters, are there. */
  limits?(values: NoInfer<ValuesOf<P>>): Limits;
  /** How many draws of noise a run takes, where that is known beforehand. */
  draws?(evaluations: Evaluations): number;
  /** Network evaluations of a run, with T training timesteps. */
  evaluations(options: NoInfer<ValuesOf<P>>, timesteps: number): Evaluations;
}

/** What every sampler of the registers says of itself. `O` are the values of its parameters. */
export interface SamplerDescription<O extends object> {
  /** Counts what a program has defined, from 0. */
  readonly order: number;
  /** Name in the register. */
  readonly name: string;
  /** Name on a command line. */
  readonly method: string;
  /** Where it is published. */
  readonly paper: string;
  /** What it is, in a line of help. */
  readonly about: string;
  /** Whether it reckons with the deviation of the noise in the measurement. */
  readonly handlesNoise: boolean;
  /** Whether it makes its list of noise levels itself. */
  readonly makesLevels: boolean;
  /** What a run takes. */
  readonly parameters: Parameters;
  /** What is published for single tasks, where that is not the default. */
  readonly published: Partial<Record<RestorationTask, Partial<O>>>;
  /** Published settings by name, the first of them as the defaults are. */
  readonly presets: Readonly<Record<string, Partial<O>>>;
  /** Options of a command line that set several parameters, by name. */
  readonly shorthands: Readonly<Record<string, Shorthand<O>>>;
  /** What reports name beside the parameters. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** The published parameters. */
  readonly defaults: O;
  /** The published parameters of a task, where they depend on it. */
  defaultsFor(task: RestorationTask, preset?: string): O;
  /** All values, where some are given; they are not checked. */
  settled(given: Partial<O>, published?: O): O;
  /** Greatest values by name, besides those that are known from elsewhere. */
  limits(values: O): Limits;
  /** How many draws of noise a run takes, where that is known beforehand. */
  draws?(evaluations: Evaluations): number;
  /**
   * Network evaluations of a run.
   * @param options the parameters that are not as published
   * @param timesteps training timesteps T of the model, default 1000
   * @throws {RangeError} if an option is out of range
   */
  evaluations(options: Partial<O>, timesteps?: number): Evaluations;
}

/** Training timesteps T of the published models. */
export const PUBLISHED_TIMESTEPS = 1000;

let defined = 0;

/** The description of a definition. */
export function described<P extends Parameters>(definition: SamplerDefinition<P>): SamplerDescription<ValuesOf<P>> {
  const { name, paper, about, parameters, published = {}, presets = {}, shorthands = {}, fixed = {} } = definition;
  const defaults = defaultsOf(parameters);
  const settled = (given: Partial<ValuesOf<P>>, base: ValuesOf<P> = defaults): ValuesOf<P> => ({
    ...base,
    ...definition.implied?.(given),
    ...given,
  });
  return {
    order: defined++,
    name,
    method: definition.method ?? name.replaceAll("_", "-"),
    paper,
    about,
    handlesNoise: definition.handlesNoise ?? false,
    makesLevels: definition.makesLevels ?? false,
    parameters,
    published,
    presets,
    shorthands,
    fixed,
    defaults,
    defaultsFor: (task, preset) => ({
      ...defaults,
      ...(preset === undefined ? {} : presets[preset]),
      // What a task needs outweighs what is taken for all.
      ...published[task],
    }),
    settled,
    limits: (values) => definition.limits?.(values) ?? {},
    ...(definition.draws ? { draws: definition.draws } : {}),
    evaluations: (options, timesteps = PUBLISHED_TIMESTEPS) => definition.evaluations(settled(options), timesteps),
  };
}

/**
 * All parameters of a run, where some are given.
 * @param known greatest values by name, such as the training timesteps T of the model
 * @throws {RangeError} if one is unknown or out of range
 */
export function runValues<P extends Parameters>(
  { name, parameters, settled, limits, fixed }: SamplerDescription<ValuesOf<P>>,
  given: Partial<ValuesOf<P>>,
  known: Limits,
): ValuesOf<P> {
  const named = Object.entries(given).filter(([key, value]) => value !== undefined && !(key in fixed));
  const values = settled(Object.fromEntries(named) as Partial<ValuesOf<P>>);
  return checkedValues(`run ${name}`, parameters as P, values, {}, { ...known, ...limits(values) });
}
