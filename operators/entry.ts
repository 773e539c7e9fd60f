/** What an operator is for everything that finds it by name: parameters, how it is built, cases to test it on, tasks. */
import type { HostTensor, Shape } from "../engine/mod.ts";
import { checkedValues, type Parameters, type ValuesOf } from "../parameters/mod.ts";
import type { Border, ImagePart } from "./blur/border.ts";
import type { JpegFile } from "./pixels/jpeg_blocks.ts";
import type { LinearOperator, NonlinearOperator, Operator } from "./operator.ts";

/** Values of parameters by name, of an operator that is known at run time alone. */
export type OperatorValues = Readonly<Record<string, unknown>>;

/** Some of the values of parameters. */
export type Some<P extends Parameters> = { readonly [K in keyof P]?: ValuesOf<P>[K] | undefined };

/** Something that can be wrong with a picture, in terms of an operator. */
export interface TaskDefinition<P extends Parameters = Parameters> {
  /** Name on a command line, such as `sr4`. */
  readonly name: string;
  /** What is done, in a line. */
  readonly about: string;
  /** Which published parameters of samplers fit. */
  readonly kind:
    | "super_resolution"
    | "deblurring"
    | "inpainting"
    | "colorization"
    | "phase_retrieval"
    | "compression"
    | "thumbnail";
  /** Parameters of the operator that the task decides. */
  readonly fixed?: Some<P>;
  /** How many times smaller the measurement is along each side; default 1. */
  readonly scale?: number;
  /** Channels of the measurement, where it is a picture; default 3. */
  readonly channels?: 1 | 3;
  /**
   * What a measurement is: a picture that is restored from a file (default), a picture that says too little by itself,
   * or values that no picture file holds. The last two are restored from a measurement file.
   */
  readonly form?: "file" | "picture" | "values";
  /** Whether only the mean of the channels is measured, so that the restored picture is gray. */
  readonly isGray?: true;
  /** Number by which the sides of the picture must be divisible; default `scale`. */
  readonly multiple?: number;
  /** The parameter that a picture which was damaged elsewhere cannot do without. */
  readonly needs?: keyof P & string;
  /**
   * Whether the operator acts on single pixels or blocks, so that a picture that was restored smaller can be made to
   * agree with the whole measurement.
   */
  readonly isLocal?: true;
}

/** What parameters may follow from, besides what is given. */
export interface TaskContext {
  /** [H, W, C] of the picture. */
  readonly imageShape: Shape;
  /** Seed of what is drawn. */
  readonly seed: number;
  /** Whether the measurement comes from a file instead of being computed. */
  readonly isMeasured: boolean;
  /** Values of the extras of the operator. */
  readonly extras: OperatorValues;
  /** How the measurement was compressed, where it comes from a JPEG file. */
  readonly jpeg?: JpegFile | undefined;
  /** Deviation of the noise that the measurement has, in units of [-1, 1], where it comes from a file. */
  readonly sigma?: number | undefined;
  /** Where a picture from a file lies on an image that is larger, as what was measured of it depends on more. */
  readonly picture?: ImagePart | undefined;
}

/** What is written down of an operator: all that commands, tables and tests know of it. */
export interface OperatorDefinition<P extends Parameters, A extends Operator> {
  /** Name in the register, such as `sr_bicubic`. */
  readonly name: string;
  /** What it measures, in a line. */
  readonly about: string;
  /** Its parameters by name. */
  readonly parameters: P;
  /** Builds it for images of one shape [H, W, C], of checked values. */
  build(imageShape: Shape, values: ValuesOf<P>): A;
  /** Whether an operator that is not linear has a projection onto its measurements. */
  readonly projects?: true;
  /** Small odd cases for the law tests. */
  readonly examples: readonly { readonly imageShape: Shape; readonly options: Some<P> }[];
  /** What it is used for by commands; default nothing. */
  readonly tasks?: readonly TaskDefinition<P>[];
  /** The task of a name that is not listed, of which there are many, such as `sr3`; undefined if it is none of its own. */
  taskOf?(name: string): TaskDefinition<P> | undefined;
  /** What tasks take besides the parameters: other words for some of them, and how their files are read. */
  readonly extras?: Parameters;
  /** Values that follow from the circumstances of a task where none are given. */
  defaultsFor?(context: TaskContext): Some<P>;
  /** Known pixels [H, W], 1 where the picture is known, of an operator that leaves out pixels. */
  knownPixels?(imageShape: Shape, values: ValuesOf<P>): HostTensor;
  /** How far beyond a measured picture the image reaches on which it depends; undefined where it ends with it. */
  border?(values: ValuesOf<P>): Border | undefined;
}

/** One operator of the register: its definition with nothing left to defaults. */
export interface OperatorEntry<A extends Operator = Operator, P extends Parameters = Parameters>
  extends Pick<OperatorDefinition<P, A>, "name" | "about" | "parameters" | "examples"> {
  /** Counts what a program has defined, from 0. */
  readonly order: number;
  /** Whether A^T and A^+ exist. */
  readonly isLinear: boolean;
  /** Whether pictures can be projected onto its measurements, as onto those of all that is linear. */
  readonly projects: boolean;
  /** What it is restored as, by commands and evaluations. */
  readonly tasks: readonly TaskDefinition[];
  /** The task of a name that is not listed; undefined if it is none of its own. */
  taskOf(name: string): TaskDefinition | undefined;
  /** Parameters of its tasks beside its own. */
  readonly extras: Parameters;
  /** The values that hold for a task where nothing is given. */
  defaultsFor(context: TaskContext): OperatorValues;
  /**
   * Builds it for images of one shape [H, W, C].
   * @param given some of the parameters; undefined ones count as absent
   * @throws {RangeError} if a parameter is unknown, needed or out of range
   * @throws {TypeError} if a shape does not fit
   */
  build(imageShape: Shape, given: OperatorValues): A;
  /** Known pixels [H, W], where it leaves out pixels. */
  knownPixels?(imageShape: Shape, given: OperatorValues): HostTensor;
  /** How far an image reaches beyond a picture that was measured; see `OperatorDefinition`. */
  border?(given: OperatorValues): Border | undefined;
}

/** The entry of an operator that is linear. */
export function linearEntry<P extends Parameters>(
  definition: OperatorDefinition<P, LinearOperator>,
): OperatorEntry<LinearOperator, P> {
  return entryOf(definition, true);
}

/** The entry of an operator that is not linear. */
export function nonlinearEntry<P extends Parameters>(
  definition: OperatorDefinition<P, NonlinearOperator>,
): OperatorEntry<NonlinearOperator, P> {
  return entryOf(definition, false);
}

let defined = 0;

function entryOf<A extends Operator, P extends Parameters>(
  definition: OperatorDefinition<P, A>,
  isLinear: boolean,
): OperatorEntry<A, P> {
  const { name, about, parameters, examples, tasks = [], extras = {} } = definition;
  const checked = (given: OperatorValues): ValuesOf<P> => checkedValues(`build operator "${name}"`, parameters, given);
  return {
    order: defined++,
    name,
    about,
    parameters,
    isLinear,
    projects: isLinear || definition.projects === true,
    examples,
    tasks: tasks as readonly TaskDefinition[],
    taskOf: (name) => definition.taskOf?.(name) as TaskDefinition | undefined,
    extras,
    defaultsFor: (context) => definition.defaultsFor?.(context) ?? {},
    build: (imageShape, given) => definition.build(imageShape, checked(given)),
    ...(definition.knownPixels &&
      {
        knownPixels: (imageShape: Shape, given: OperatorValues): HostTensor =>
          definition.knownPixels!(imageShape, checked(given)),
      }),
    ...(definition.border && { border: (given: OperatorValues) => definition.border!(checked(given)) }),
  };
}
