/** Figures against those that are stored: what fails, what is told. */
import type { KernelFigures } from "./statistics.ts";

/** Figures of all kernels of a card. */
export interface CardTable {
  /** Title of the card. */
  readonly card: string;
  /** The compiler and the version of the package that it came in. */
  readonly compiler: string;
  /** By key of the kernel. */
  readonly kernels: ReadonlyMap<string, KernelFigures>;
}

/** What is asked of one figure. */
export interface Rule {
  /** Which one. */
  readonly figure: keyof KernelFigures;
  /** A value that fails whatever is stored: any above it. */
  readonly most?: number;
  /** The direction in which a change from what is stored fails; a change the other way is told. */
  readonly worse?: "more" | "less";
}

/**
 * The rules. Registers and instructions of the whole kernel are told and not judged: more of them may buy a shorter loop.
 * What is stored counts only if the same version of the compiler gave it.
 */
export const RULES: readonly Rule[] = [
  { figure: "spills", most: 0 },
  { figure: "occupancy", worse: "less" },
  { figure: "hotLoop", worse: "more" },
];

/** One sentence about a kernel. */
export interface Finding {
  /** Key of the kernel. */
  readonly key: string;
  /** Whether the comparison fails by it. */
  readonly fails: boolean;
  /** What was found. */
  readonly text: string;
}

const NAMES: Readonly<Record<keyof KernelFigures, string>> = {
  registers: "registers",
  spills: "spills",
  occupancy: "occupancy",
  instructions: "instructions",
  hotLoop: "instructions in the hot loop",
};

/**
 * Judges figures.
 * @param found what was compiled
 * @param stored what it is compared with; undefined where nothing is stored
 */
export function compare(found: CardTable, stored: CardTable | undefined, rules = RULES): readonly Finding[] {
  const findings: Finding[] = [];
  const isComparable = stored?.compiler === found.compiler;
  for (const [key, figures] of found.kernels) {
    const before = stored?.kernels.get(key);
    for (const rule of rules) {
      const finding = judge(figures[rule.figure], before?.[rule.figure], rule, isComparable);
      if (finding) findings.push({ key, ...finding });
    }
    if (stored && !before) findings.push({ key, fails: true, text: "is not in the stored table" });
  }
  for (const key of stored?.kernels.keys() ?? []) {
    if (!found.kernels.has(key)) findings.push({ key, fails: true, text: "is stored, and no plan uses it" });
  }
  return findings;
}

function judge(
  value: number,
  before: number | undefined,
  { figure, most, worse }: Rule,
  isComparable: boolean,
): Omit<Finding, "key"> | undefined {
  const name = NAMES[figure];
  if (most !== undefined && value > most) {
    return { fails: true, text: `${value} ${name}${before === undefined ? "" : `, stored ${before}`}` };
  }
  if (before === undefined || value === before) return undefined;
  const change = `${name} ${before} -> ${value}`;
  if (worse === undefined) return most === undefined ? undefined : { fails: false, text: `better: ${change}` };
  const isWorse = (value > before) === (worse === "more");
  if (!isComparable) return { fails: false, text: `${isWorse ? "worse" : "better"}, by another compiler: ${change}` };
  return { fails: isWorse, text: `${isWorse ? "worse" : "better"}: ${change}` };
}
