/** What the metadata of a measurement hold: JSON whose types are checked entry by entry. */
import type { Shape } from "../engine/mod.ts";
import { quoteName } from "../models/mod.ts";
import type { OperatorValues } from "../operators/mod.ts";
import { fits, needed, type Parameters } from "../parameters/mod.ts";

/** What is known of a picture that was measured. */
export interface MeasuredPicture {
  /** Its name without folder and ending. */
  readonly file: string;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 1 for gray, 3 for RGB. */
  readonly channels: 1 | 3;
  /** Bits per sample. */
  readonly bitDepth: 8 | 16;
}

/** Refuses a file for what was found in it. */
type Fail = (found: string) => never;

/**
 * Parameters of an operator. What it does not know is left to it to refuse.
 * @param text JSON object
 * @param parameters those that the operator has
 * @param fail called with what is wrong
 */
export function readParameters(text: string, parameters: Parameters, fail: Fail): OperatorValues {
  const entries = objectOf(text) ?? fail("its parameters are no JSON object");
  for (const [name, value] of Object.entries(entries)) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (!parameter || (parameter.kind !== "file" && fits(parameter, value))) continue;
    const needs = parameter.kind === "file" ? "a tensor of the file" : needed(parameter);
    fail(`its parameter ${quoteName(name)} is ${quoteName(JSON.stringify(value))}, ${needs} is needed`);
  }
  return entries;
}

/** Longest side of a picture, that of files. */
const LONGEST_SIDE = 65535;

/**
 * The shape [H, W, 3] of a picture.
 * @param text JSON list
 * @param fail called with what is wrong
 */
export function readImageShape(text: string, fail: Fail): Shape {
  const shape = parsed(text);
  const isShape = Array.isArray(shape) && shape.length === 3 && shape[2] === 3 &&
    shape.every((extent) => Number.isSafeInteger(extent) && extent > 0 && extent <= LONGEST_SIDE);
  return isShape ? shape : fail(`its image shape is ${quoteName(text)}, [height, width, 3] is needed`);
}

/**
 * What is said of the picture that was measured.
 * @param text JSON object
 * @param fail called with what is wrong
 */
export function readPicture(text: string, fail: Fail): MeasuredPicture {
  const value = objectOf(text);
  const { file, width, height, channels, bitDepth } = (value ?? {}) as Partial<MeasuredPicture>;
  const isSide = (side: unknown): boolean => Number.isSafeInteger(side) && (side as number) > 0;
  const isGood = typeof file === "string" && isSide(width) && isSide(height) && (channels === 1 || channels === 3) &&
    (bitDepth === 8 || bitDepth === 16);
  return isGood ? value as unknown as MeasuredPicture : fail("its metadata do not describe its picture");
}

/** The object that a text of JSON is; undefined if it is none. */
export function objectOf(text: string): Record<string, unknown> | undefined {
  const value = parsed(text);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
