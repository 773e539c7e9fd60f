/** Checks of options, with messages of one form. */

/** The checks of one sampler. */
export interface OptionChecks {
  /** @throws {RangeError} unless the value is an integer from low to high */
  integer(name: string, value: number, low: number, high: number): void;
  /** @throws {RangeError} unless the value is a number from low to high */
  number(name: string, value: number, low: number, high: number): void;
  /** @throws {RangeError} unless the value is one of the choices */
  choice(name: string, value: string, choices: readonly string[]): void;
}

/** Greatest value of options that have no natural limit. */
export const UNLIMITED = 1e9;

/**
 * The checks of a sampler.
 * @param sampler name for the messages
 */
export function optionChecks(sampler: string): OptionChecks {
  const refuse = (name: string, found: string, needed: string): never => {
    throw new RangeError(`Cannot run ${sampler}: ${name} is ${found}, ${needed} is needed`);
  };
  return {
    integer(name, value, low, high): void {
      if (Number.isInteger(value) && value >= low && value <= high) return;
      refuse(name, String(value), `an integer within ${low}..${high}`);
    },
    number(name, value, low, high): void {
      if (value >= low && value <= high) return;
      refuse(name, String(value), `a number within ${low}..${high}`);
    },
    choice(name, value, choices): void {
      if (choices.includes(value)) return;
      refuse(name, `"${value}"`, `one of ${choices.map((choice) => `"${choice}"`).join(", ")}`);
    },
  };
}
