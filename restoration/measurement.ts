/** Measurements as safetensors, exact and with all that is needed to make their operator again. */
import { elementCount, formatShape, type HostTensor, hostTensor, sameShape, type Shape } from "../engine/mod.ts";
import {
  type ByteSource,
  CheckpointError,
  openSafetensors,
  quoteName,
  safetensorsBytes,
  type SafetensorsFile,
} from "../models/mod.ts";
import type { BlurLayer, BlurNetwork, MeasurementNoise, Operator, OperatorValues } from "../operators/mod.ts";
import { type MeasuredPicture, objectOf, readImageShape, readParameters, readPicture } from "./measurement_fields.ts";
import { readNoise } from "./options/noise_options.ts";
import { UsageError } from "../parameters/mod.ts";
import { type Task, taskNamed, taskOperator } from "./options/tasks.ts";

/** A measurement and how it was made. */
export interface Measurement {
  /** What was done to the picture. */
  readonly task: Task;
  /** [H, W, C] of the picture. */
  readonly imageShape: Shape;
  /** Parameters that the operator was built with. */
  readonly options: OperatorValues;
  /** The noise that was added. */
  readonly noise: MeasurementNoise;
  /** Seed of the noise, and of what else was drawn. */
  readonly seed: number;
  /** The picture that it was made of, as its file was. */
  readonly picture: MeasuredPicture;
  /** [1, ...measurementShape]. */
  readonly y: HostTensor;
}

/** A measurement that was read, with its operator. */
export interface ReadMeasurement extends Measurement {
  /** The operator A of the task, for pictures of that shape. */
  readonly operator: Operator;
}

/** Prefix of tensors that are parameters of the operator. */
const PARAMETER = "parameter.";

/** Prefix of the layers of a blur network, weights [KH, KW, Cin, Cout] as the operator takes them. */
const LAYER = `${PARAMETER}network.`;

/** What `kind` says in the metadata of such a file. */
const KIND = "measurement";

/**
 * A safetensors file with the tensor `y`, channels last, and masks, kernels and networks as `parameter.<name>`, with task,
 * operator, its other parameters, noise, seed and the picture in the metadata.
 * @returns the bytes of the file
 */
export async function encodeMeasurement(measurement: Measurement): Promise<Uint8Array> {
  const { task, imageShape, options, noise, seed, picture, y } = measurement;
  const { network, ...others } = options as OperatorValues & { readonly network?: BlurNetwork };
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  const named: readonly (readonly [string, HostTensor])[] = [
    ["y", y],
    ...Object.entries<unknown>(others).flatMap((entry): readonly (readonly [string, HostTensor])[] =>
      isTensor(entry) ? [[PARAMETER + entry[0], entry[1]]] : []
    ),
    ...(network?.layers ?? []).flatMap(({ weight, bias }, index): readonly (readonly [string, HostTensor])[] => [
      [`${LAYER}${index}.weight`, weight],
      [`${LAYER}${index}.bias`, bias],
    ]),
  ];
  const tensors = named.map(([name, { data, shape }]) => ({
    name,
    dtype: "F32" as const,
    shape,
    data: Float32Array.from(data.subarray(0, elementCount(shape))),
  }));
  const metadata = new Map([
    ["kind", KIND],
    ["layout", "channels last"],
    ["task", task.name],
    ["operator", task.operator],
    ["imageShape", JSON.stringify(imageShape)],
    ["parameters", JSON.stringify(Object.fromEntries(given.filter((entry) => !isTensor(entry))))],
    ["noise", JSON.stringify(noise)],
    ["seed", String(seed)],
    ["picture", JSON.stringify(picture)],
  ]);
  return await safetensorsBytes({ tensors, metadata });
}

function isTensor(entry: readonly [string, unknown]): entry is readonly [string, HostTensor] {
  const value = entry[1];
  return typeof value === "object" && value !== null && "data" in value && "shape" in value;
}

/**
 * Reads a measurement and builds its operator.
 * @param source a file that `encodeMeasurement` made
 * @throws {CheckpointError} if it is no measurement or cut off, or its parts contradict each other
 */
export async function decodeMeasurement(source: ByteSource): Promise<ReadMeasurement> {
  const file = await openSafetensors(source);
  const fail = (found: string): never => {
    throw new CheckpointError(`Cannot restore "${source.name}": ${found}; name a file that "degrade" wrote`);
  };
  const field = (key: string): string => file.metadata.get(key) ?? fail(`its metadata have no "${key}"`);
  if (file.metadata.get("kind") !== KIND) fail(`its metadata do not say that it is a ${KIND}`);
  try {
    const task = findTask(field("task")) ?? fail(`there is no task ${quoteName(field("task"))}`);
    if (field("operator") !== task.operator) {
      fail(`its operator is ${quoteName(field("operator"))}, that of the task is "${task.operator}"`);
    }
    const imageShape = readImageShape(field("imageShape"), fail);
    const parameters = readParameters(field("parameters"), task.entry.parameters, fail);
    const options: OperatorValues = { ...parameters, ...await readTensors(file, fail) };
    const noise = readNoise(objectOf(field("noise")) ?? fail("its noise is no JSON object"), fail);
    const seed = Number(field("seed"));
    if (!Number.isSafeInteger(seed) || seed < 0 || seed >= 2 ** 32) fail(`its seed is ${quoteName(field("seed"))}`);
    const picture = readPicture(field("picture"), fail);
    const operator = taskOperator(task, imageShape, options);
    const y = await readTensor(file, "y", fail);
    const needed = [1, ...operator.measurementShape];
    if (!sameShape(y.shape, needed)) {
      fail(`its measurement is ${formatShape(y.shape)}, that of its operator is ${formatShape(needed)}`);
    }
    return { task, imageShape, options, noise, seed, picture, y, operator };
  } catch (error) {
    // What the operator says of parameters that do not fit.
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new CheckpointError(`Cannot restore "${source.name}": its parameters do not fit: ${error.message}`, {
      cause: error,
    });
  }
}

type Fail = (found: string) => never;

/** The task of a name, if there is one. */
function findTask(name: string): Task | undefined {
  try {
    return taskNamed(name);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

async function readTensors(file: SafetensorsFile, fail: Fail): Promise<OperatorValues> {
  const names = [...file.tensors.keys()].filter((name) => name.startsWith(PARAMETER) && !name.startsWith(LAYER));
  const entries = [];
  for (const name of names) entries.push([name.slice(PARAMETER.length), await readTensor(file, name, fail)] as const);
  const layers: BlurLayer[] = [];
  for (let index = 0; file.tensors.has(`${LAYER}${index}.weight`); index++) {
    const weight = await readTensor(file, `${LAYER}${index}.weight`, fail);
    layers.push({ weight, bias: await readTensor(file, `${LAYER}${index}.bias`, fail) });
  }
  return { ...Object.fromEntries(entries), ...(layers.length > 0 ? { network: { layers } } : {}) };
}

async function readTensor(file: SafetensorsFile, name: string, fail: Fail): Promise<HostTensor> {
  const entry = file.tensors.get(name);
  if (!entry) return fail(`it holds no tensor "${name}"`);
  if (entry.dtype !== "F32") return fail(`its tensor "${name}" is of ${entry.dtype}, F32 is needed`);
  const data = await file.readFloat32(name);
  if (!data.every(Number.isFinite)) return fail(`its tensor "${name}" holds values that are no finite numbers`);
  return hostTensor(data, entry.shape);
}
