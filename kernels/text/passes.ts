/**
 * Loops over values that stay in registers. A driver that compiles for the CPU takes 5 to 10 ms for every load and store
 * in a text, as long for one that runs once as for one in a loop; an array that a loop indexes would be memory. So a loop
 * names the same few registers in every pass, and all registers move on by as many between passes.
 */

/** What a loop over registers does. */
export interface Passes {
  /** Names of the registers, in order. */
  readonly names: readonly string[];
  /** How many a pass fills or uses, a divisor of their number; if it is all of them, there is no loop. */
  readonly each: number;
  /** Number of passes, as an expression that compilers do not know the value of, lest they unroll the loop. */
  readonly count: string;
  /** Lines of a pass; `turn` is an expression of its number. */
  readonly body: (turn: string) => string;
}

/** WGSL that fills registers, some in each pass, whose body gives the last `each` their values. */
export function filledInPasses({ names, each, count, body }: Passes): string {
  const declared = names.map((name) => `var ${name} = 0.0;`).join("\n");
  return `${declared}\n${repeated(each < names.length, count, [moved(names, each), body(turnOf(names, each))])}`;
}

/** WGSL that uses up registers, some in each pass, whose body takes the first `each`. */
export function usedInPasses({ names, each, count, body }: Passes): string {
  return repeated(each < names.length, count, [body(turnOf(names, each)), moved(names, each)]);
}

function repeated(isLoop: boolean, count: string, body: readonly string[]): string {
  const text = body.filter((part) => part !== "").join("\n");
  return isLoop ? `for (var turn = 0u; turn < ${count}; turn += 1u) {\n${text}\n}` : text;
}

function turnOf(names: readonly string[], each: number): string {
  return each < names.length ? "turn" : "0u";
}

function moved(names: readonly string[], each: number): string {
  return names.slice(each).map((name, index) => `${names[index]} = ${name};`).join("\n");
}
