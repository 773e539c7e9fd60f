/** Integers that differ from batch item to batch item, such as table rows and draw numbers. */
import { type Coefficient, isScalar, type Target } from "../../engine/mod.ts";
import { integerCoefficient } from "./wgsl.ts";

/**
 * WGSL function `name(item: u32) -> vec2u`: low and high 32 bits of the integer that belongs to a batch item. Items
 * that share one integer, the common case, cost no branch.
 */
export function itemIntegers(name: string, values: readonly Coefficient[], target: Target): string {
  const words = values.map((value) => integerCoefficient(value, target));
  const last = words[words.length - 1]!;
  const cases = words.every((word) => word === last)
    ? []
    : words.slice(0, -1).map((word, item) => `if (item == ${item}u) { return ${word}; }`);
  return `fn ${name}(item: u32) -> vec2u {\n${[...cases, `return ${last};`].join("\n")}\n}`;
}

/**
 * Checks the integers that are known while tracing.
 * @param what what an integer is, such as `row`
 * @param limit one past the greatest allowed integer
 * @throws {RangeError} if a number is not an integer of 0, ..., limit - 1
 */
export function requireIntegers(op: string, what: string, values: readonly Coefficient[], limit: number): void {
  values.forEach((value, item) => {
    if (!isScalar(value)) requireInteger(`Cannot build ${op}`, `${what} ${item}`, value, limit);
  });
}

/**
 * Checks one integer.
 * @throws {RangeError} if the value is not an integer of 0, ..., limit - 1
 */
export function requireInteger(action: string, what: string, value: number, limit: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value >= limit) {
    throw new RangeError(`${action}: ${what} is ${value}, an integer from 0 to ${limit - 1} is needed`);
  }
}
