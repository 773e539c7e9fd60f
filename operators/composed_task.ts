/** Several damages at once: tasks whose operators act one after the other, the damage that came first named first. */
import { type HostTensor, hostTensor, type Shape } from "../engine/mod.ts";
import { optionName, type Parameter, type Parameters, type ValuesOf } from "../parameters/mod.ts";
import { chained } from "./composition.ts";
import { leastCommonMultiple } from "./least_common_multiple.ts";
import { linearEntry, nonlinearEntry, type OperatorEntry, type OperatorValues, type TaskContext } from "./entry.ts";
import type { LinearOperator, NonlinearOperator, Operator } from "./operator.ts";
import { type Task, taskOptionsOf } from "./task.ts";

/** What stands between the names of tasks. */
const AND = " + ";

/** One part of a composition, with the names that its parameters and extras have in the whole. */
interface Part {
  readonly task: Task;
  /** How many times smaller the image of its operator is than that of the whole. */
  readonly reduction: number;
  /** Whether its operator acts on pixels one by one, on all alike but for those that a mask takes out. */
  readonly isPixelwise: boolean;
  readonly names: Readonly<Record<string, string>>;
}

/** The names of the parts of a task. */
export function partNames(name: string): readonly string[] {
  return name.split("+").map((part) => part.trim());
}

/**
 * The task that several tasks are together, in the order in which a good picture was damaged. Options keep their names.
 * @throws {RangeError} if they do not go together
 */
export function composedTask(tasks: readonly Task[]): Task {
  const [first] = tasks;
  if (!first || tasks.length === 1) return first!;
  const name = tasks.map((task) => task.name).join(AND);
  checkOrder(name, tasks);
  const parts = partsOf(tasks);
  const entry = composedEntry(name, parts);
  const scale = tasks.reduce((product, task) => product * task.scale, 1);
  const isValues = tasks.at(-1)!.form === "values";
  const needs = parts.find(({ task }) => task.needs === "mask") ?? parts.find(({ task }) => task.needs);
  return {
    name,
    description: tasks.map(({ description }) => description).join("; "),
    operator: name,
    entry,
    kind: kindOf(tasks),
    fixed: Object.assign({}, ...parts.map((part) => renamed(part, part.task.fixed))),
    scale,
    channels: tasks.some(({ channels }) => channels === 1) ? 1 : 3,
    multiple: parts.reduce(
      (all, { task, reduction }) => leastCommonMultiple(all, reduction * (task.multiple ?? task.scale)),
      1,
    ),
    parts: tasks,
    ...(isValues || tasks.some(({ form }) => form === "picture") ? { form: isValues ? "values" : "picture" } : {}),
    ...(tasks.some(({ isGray }) => isGray) ? { isGray: true as const } : {}),
    ...(needs ? { needs: needs.names[needs.task.needs!]! } : {}),
    ...(tasks.every(({ isLocal }) => isLocal) ? { isLocal: true as const } : {}),
  };
}

/** Refuses what makes no sense one after the other. */
function checkOrder(name: string, tasks: readonly Task[]): void {
  const refuse = (reason: string): never => {
    throw new RangeError(`the task "${name}" makes no sense: ${reason}`);
  };
  for (const [i, task] of tasks.entries()) {
    const isLast = i === tasks.length - 1;
    if (task.form === "values" && !isLast) refuse(`what "${task.name}" measures is no picture, so it must come last`);
    const before = tasks.slice(0, i);
    if (before.some((other) => other.name === task.name) && task.scale === 1) refuse(`"${task.name}" is named twice`);
    if (before.some(({ channels }) => channels === 1) && task.channels === 1) {
      refuse(`what "${task.name}" measures is gray already`);
    }
  }
}

/** What decides the published parameters: where colour is missing more noise is needed than anywhere else. */
function kindOf(tasks: readonly Task[]): Task["kind"] {
  const kinds = tasks.map(({ kind }) => kind);
  if (kinds.includes("compression") && kinds.includes("super_resolution") && !kinds.includes("colorization")) {
    return "thumbnail";
  }
  for (const kind of ["phase_retrieval", "colorization", "super_resolution", "inpainting"] as const) {
    if (kinds.includes(kind)) return kind;
  }
  return tasks.find(({ entry }) => entry.name !== "identity")?.kind ?? kinds[0]!;
}

function partsOf(tasks: readonly Task[]): readonly Part[] {
  const taken = new Set<string>();
  let reduction = 1;
  return tasks.map((task, index): Part => {
    const all = Object.keys({ ...task.entry.parameters, ...task.entry.extras });
    const names = Object.fromEntries(all.map((name) => [name, taken.has(name) ? `${index + 1}.${name}` : name]));
    for (const name of all) taken.add(name);
    const part = { task, reduction, names, isPixelwise: task.scale === 1 && (task.isLocal ?? false) };
    reduction *= task.scale;
    return part;
  });
}

/** Values by the names that they have in the whole. */
function renamed({ names }: Part, values: OperatorValues): OperatorValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [names[name] ?? name, value]));
}

/** The values of a part by its own names. */
function ownValues({ names }: Part, values: OperatorValues): OperatorValues {
  return Object.fromEntries(
    Object.entries(names).flatMap(([own, name]) => values[name] === undefined ? [] : [[own, values[name]]]),
  );
}

/** The parameters of all parts; those that a second part shares with a first one keep the option. */
function united(parts: readonly Part[], key: "parameters" | "extras"): Parameters {
  const entries = parts.flatMap(({ task: { entry }, names }) =>
    Object.entries(entry[key]).map(([own, parameter]): [string, Parameter<unknown>] => [names[own]!, {
      ...parameter,
      option: optionName(own, parameter),
      ...(parameter.replaces ? { replaces: parameter.replaces.map((other) => names[other] ?? other) } : {}),
      ...(parameter.needs ? { needs: names[parameter.needs] ?? parameter.needs } : {}),
    }])
  );
  return Object.fromEntries(entries);
}

/** The image of a part: as the parts before it leave it. */
function imageOf({ reduction }: Part, [height = 0, width = 0, channels = 3]: Shape): Shape {
  return [height / reduction, width / reduction, channels];
}

function composedEntry(name: string, parts: readonly Part[]): OperatorEntry {
  const last = parts.at(-1)!.task.entry;
  const isLinear = parts.every(({ task }) => task.entry.isLinear);
  const parameters = united(parts, "parameters");
  const build = (imageShape: Shape, values: ValuesOf<Parameters>): Operator => {
    let shape = imageShape;
    const factors = parts.map((part): Operator => {
      const { entry } = part.task;
      const own = Object.entries(ownValues(part, values)).map(([key, value]): [string, unknown] =>
        entry.parameters[key]?.format === "mask" ? [key, fittingMask(value as HostTensor, shape)] : [key, value]
      );
      const factor = entry.build(shape, Object.fromEntries(own));
      shape = factor.measurementShape;
      return factor;
    });
    const pixelwiseFrom = parts.findLastIndex(({ isPixelwise }) => !isPixelwise) + 1;
    return chained(name, factors, { pixelwiseFrom });
  };
  const masked = parts.find(({ task }) => task.entry.knownPixels);
  const definition = {
    name,
    about: parts.map(({ task }) => task.entry.about).join(", then "),
    parameters,
    extras: united(parts, "extras"),
    examples: [],
    defaultsFor: ({ extras, imageShape, ...place }: TaskContext): OperatorValues =>
      Object.assign(
        {},
        ...parts.map((part) =>
          renamed(part, {
            ...part.task.entry.defaultsFor({
              ...place,
              imageShape: imageOf(part, imageShape),
              extras: ownValues(part, extras),
            }),
          })
        ),
      ),
    ...(masked && {
      knownPixels: (imageShape: Shape, values: OperatorValues): HostTensor =>
        masked.task.entry.knownPixels!(imageOf(masked, imageShape), ownValues(masked, values)),
    }),
  };
  if (isLinear) return linearEntry({ ...definition, build: build as (...all: BuildArguments) => LinearOperator });
  const projects = last.projects && parts.slice(0, -1).every(({ task }) => task.entry.isLinear);
  return nonlinearEntry({
    ...definition,
    build: build as (...all: BuildArguments) => NonlinearOperator,
    ...(projects ? { projects: true as const } : {}),
  });
}

/** What an operator is built of. */
type BuildArguments = [imageShape: Shape, values: ValuesOf<Parameters>];

/** A mask of another size by a whole factor: each value over the pixels that it stands for, or known where all are. */
function fittingMask(mask: HostTensor, [height = 0, width = 0]: Shape): HostTensor {
  const [rows = 0, columns = 0] = mask.shape;
  if (mask.shape.length !== 2 || (rows === height && columns === width)) return mask;
  const data = new Float32Array(height * width).fill(1);
  const [down, across] = [rows / height, columns / width];
  const isWhole = [down, across].every((ratio) => Number.isInteger(ratio) || Number.isInteger(1 / ratio));
  if (!isWhole) return mask;
  for (let i = 0; i < Math.max(mask.data.length, data.length); i++) {
    const wide = Math.max(width, columns);
    const [row, column] = [Math.floor(i / wide) / Math.max(rows, height), (i % wide) / wide];
    const from = Math.floor(row * rows) * columns + Math.floor(column * columns);
    const to = Math.floor(row * height) * width + Math.floor(column * width);
    if (mask.data[from] === 0) data[to] = 0;
  }
  return hostTensor(data, [height, width]);
}

/** The options that more than one part has, with these parts. */
export function sharedOptions({ parts = [] }: Task): ReadonlyMap<string, readonly string[]> {
  const all = parts.flatMap((task) => taskOptionsOf(task).map(({ option }) => ({ option, name: task.name })));
  const grouped = Map.groupBy(all, ({ option }) => option);
  return new Map(
    [...grouped].filter(([, some]) => some.length > 1).map(([option, some]) => [option, some.map(({ name }) => name)]),
  );
}
