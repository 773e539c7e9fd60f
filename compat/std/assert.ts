/**
 * The functions of `@std/assert` that the tests use, with its signatures and its notion of equality.
 * `deno.json` maps `@std/assert` here, so that the tests need no package besides the ones from npm.
 */
import { AssertionError as NodeAssertionError } from "node:assert/strict";
import { inspect } from "node:util";

/** A class whose instances are `T`, abstract classes included. */
type Constructor<T> = abstract new (...args: never[]) => T;

/** What a failed assertion throws. */
export class AssertionError extends Error {
  /**
   * @param message what was expected and what was found
   * @param options the cause, as for every `Error`
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Fails unless `expr` is truthy. @throws {AssertionError} */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Fails always. @throws {AssertionError} */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${msg ? `: ${msg}` : "."}`);
}

/**
 * Fails unless both values are deeply equal: `NaN` equals `NaN`, `0` equals `-0`, a null prototype equals a plain
 * object, and a key that is `undefined` differs from one that is absent.
 * @throws {AssertionError} with the first differing index for typed arrays, with a difference listing otherwise
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(`Values are not equal${suffix(msg)}\n${difference(actual, expected)}`);
}

/** Fails if both values are deeply equal. @throws {AssertionError} */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${show(actual)} not to be: ${show(expected)}${suffix(msg)}`,
  );
}

/** Fails unless both are the same value by `Object.is`. @throws {AssertionError} */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(`Values are not strictly equal${suffix(msg)}\n${difference(actual, expected)}`);
}

/**
 * Fails unless `|actual - expected| <= tolerance`.
 * @param tolerance absolute; by default 1e-7 of `expected`
 * @throws {AssertionError}
 */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const limit = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= limit) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to be close to "${expected}": delta "${delta}" is greater than "${limit}"${
      suffix(msg)
    }`,
  );
}

/** Fails if the value is `null` or `undefined`. @throws {AssertionError} */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(`Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`);
}

/** Fails unless the value is an instance of the class. @throws {AssertionError} */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: Constructor<T>,
  msg?: string,
): asserts actual is T {
  if (actual instanceof expectedType) return;
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name}" but was "${className(actual)}"${suffix(msg)}`,
  );
}

/** Fails unless the text matches the expression. @throws {AssertionError} */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`);
}

/** Fails unless the text contains the other text. @throws {AssertionError} */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(`Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`);
}

/** Fails unless `actual > expected`. @throws {AssertionError} */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  throw new AssertionError(`Expect ${show(actual)} > ${show(expected)}${suffix(msg)}`);
}

/** Fails unless `actual >= expected`. @throws {AssertionError} */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (actual >= expected) return;
  throw new AssertionError(`Expect ${show(actual)} >= ${show(expected)}${suffix(msg)}`);
}

/** Fails unless `actual < expected`. @throws {AssertionError} */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  throw new AssertionError(`Expect ${show(actual)} < ${show(expected)}${suffix(msg)}`);
}

/** Fails unless `actual <= expected`. @throws {AssertionError} */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (actual <= expected) return;
  throw new AssertionError(`Expect ${show(actual)} <= ${show(expected)}${suffix(msg)}`);
}

/** Fails unless the function throws. @returns what it threw @throws {AssertionError} */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Fails unless the function throws an instance of the class whose message contains the text.
 * @returns the error
 * @throws {AssertionError}
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  errorClassOrMsg?: Constructor<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const { ErrorClass, message } = expectation(errorClassOrMsg, msg);
  try {
    fn();
  } catch (error) {
    checkError(error, ErrorClass, msgIncludes, message);
    return error;
  }
  throw new AssertionError(`Expected function to throw${suffix(message)}`);
}

/** Fails unless the promise rejects. @returns what it rejected with @throws {AssertionError} */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/**
 * Fails unless the promise rejects with an instance of the class whose message contains the text.
 * @returns the error
 * @throws {AssertionError} also where the function throws before it returns a promise
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  errorClassOrMsg?: Constructor<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const { ErrorClass, message } = expectation(errorClassOrMsg, msg);
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(`Function throws when expected to reject${suffix(message)}`, { cause: error });
  }
  if (typeof promise?.then !== "function") {
    throw new AssertionError(`Function did not return a promise${suffix(message)}`);
  }
  try {
    await promise;
  } catch (error) {
    checkError(error, ErrorClass, msgIncludes, message);
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(message)}`);
}

function expectation<E extends Error>(
  errorClassOrMsg: Constructor<E> | string | undefined,
  msg: string | undefined,
): { ErrorClass: Constructor<E> | undefined; message: string | undefined } {
  if (typeof errorClassOrMsg === "string") return { ErrorClass: undefined, message: errorClassOrMsg };
  return { ErrorClass: errorClassOrMsg, message: msg };
}

function checkError<E extends Error>(
  error: unknown,
  ErrorClass: Constructor<E> | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): void {
  if (ErrorClass === undefined) return;
  if (!(error instanceof Error)) throw new AssertionError(`A non-Error object was thrown${suffix(msg)}`);
  if (!(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${className(error)}": ${error.message}${
        suffix(msg)
      }`,
      { cause: error },
    );
  }
  if (msgIncludes !== undefined && !error.message.includes(msgIncludes)) {
    throw new AssertionError(
      `Expected error message to include ${show(msgIncludes)}, but got ${show(error.message)}${suffix(msg)}`,
      { cause: error },
    );
  }
}

function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : "";
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, maxArrayLength: 20 });
}

function className(value: unknown): string {
  return value === null || typeof value !== "object" ? show(value) : value.constructor?.name ?? "Object";
}

function sameValueZero(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b);
}

type NumericArray = ArrayBufferView & ArrayLike<number | bigint>;

function isNumericArray(value: unknown): value is NumericArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function firstDifference(a: NumericArray, b: NumericArray): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (!sameValueZero(a[i], b[i])) return i;
  return a.length === b.length ? -1 : Math.min(a.length, b.length);
}

function difference(actual: unknown, expected: unknown): string {
  if (isNumericArray(actual) && isNumericArray(expected) && samePrototype(actual, expected)) {
    const index = firstDifference(actual, expected);
    const lengths = actual.length === expected.length ? "" : `, lengths ${actual.length} and ${expected.length}`;
    return `first difference at index ${index}: actual ${actual[index]}, expected ${expected[index]}${lengths}`;
  }
  return new NodeAssertionError({ actual, expected, operator: "deepStrictEqual" }).message;
}

function samePrototype(a: object, b: object): boolean {
  const plain = (value: object): object | null => {
    const prototype: object | null = Object.getPrototypeOf(value);
    return prototype === Object.prototype ? null : prototype;
  };
  return plain(a) === plain(b);
}

function equal(actual: unknown, expected: unknown): boolean {
  const seen = new Map<object, object>();
  const compare = (a: unknown, b: unknown): boolean => {
    if (sameValueZero(a, b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (!samePrototype(a, b)) return false;
    if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
    if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b);
    if (isNumericArray(a) && isNumericArray(b)) return firstDifference(a, b) === -1;
    if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
      return firstDifference(new Uint8Array(a), new Uint8Array(b)) === -1;
    }
    if (seen.get(a) === b) return true;
    seen.set(a, b);
    if (a instanceof Set && b instanceof Set) return sameMembers([...a], [...b]);
    if (a instanceof Map && b instanceof Map) return sameMembers([...a], [...b]);
    if (a instanceof Error && b instanceof Error && (a.message !== b.message || a.name !== b.name)) return false;
    const keys = Reflect.ownKeys(a).filter((key) => Object.prototype.propertyIsEnumerable.call(a, key));
    const count = Reflect.ownKeys(b).filter((key) => Object.prototype.propertyIsEnumerable.call(b, key)).length;
    if (keys.length !== count || (Array.isArray(a) && Array.isArray(b) && a.length !== b.length)) return false;
    return keys.every((key) => Object.hasOwn(b, key) && compare(Reflect.get(a, key), Reflect.get(b, key)));
  };
  const sameMembers = (a: unknown[], b: unknown[]): boolean => {
    if (a.length !== b.length) return false;
    const rest = [...b];
    return a.every((member) => {
      const index = rest.findIndex((other) => compare(member, other));
      if (index >= 0) rest.splice(index, 1);
      return index >= 0;
    });
  };
  return compare(actual, expected);
}
