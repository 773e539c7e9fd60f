/** What the compilers of Mesa's drivers print of a kernel, brought to the same few figures. */
import { type Block, hotLoop } from "./hot_loop.ts";

/** Figures of a compiled kernel. */
export interface KernelFigures {
  /** Registers of an invocation, in the unit of the compiler: 32 bits, on Apple's 16 bits. */
  readonly registers: number;
  /** Values that did not fit the registers and are kept in memory: stores and loads, or registers, as it counts them. */
  readonly spills: number;
  /** How much of the processor the registers and the workgroup memory leave, in the unit of the compiler; see `COMPILERS`. */
  readonly occupancy: number;
  /** Instructions of the whole kernel. */
  readonly instructions: number;
  /** Instructions of one turn of the largest innermost loop; of the whole kernel where it has none. */
  readonly hotLoop: number;
}

/** A compiler whose output is understood. */
export interface Compiler {
  /** Its name. */
  readonly name: string;
  /** What `occupancy` counts. */
  readonly occupancy: string;
  /** A line that begins a listing which makes what was printed before it superfluous; such output is large. */
  readonly restart?: RegExp;
  /**
   * Reads what was printed of a kernel.
   * @param text from standard error
   * @param listing of the same kernel from standard output, where the compiler prints it there
   * @throws {StatisticsError} if a figure is not there
   */
  read(text: string, listing?: string): KernelFigures;
}

/** The output of a compiler lacks a figure. */
export class StatisticsError extends Error {
  override readonly name = "StatisticsError";
}

/** AMD's, of the driver RADV. */
const ACO: Compiler = {
  name: "ACO",
  occupancy: "subgroups per SIMD",
  read: (text) => {
    const figure = (name: string): number => last(text, new RegExp(`^${name}: (\\d+)`, "gm"), name);
    const instructions = figure("Instructions");
    return {
      registers: figure("VGPRs"),
      spills: figure("Spilled VGPRs") + figure("Spilled SGPRs"),
      occupancy: figure("Subgroups per SIMD"),
      instructions,
      hotLoop: hotLoop(acoBlocks(text)) ?? instructions,
    };
  },
};

/** The blocks of the last listing. A branch names its target; all but an unconditional one go on to the next block. */
function acoBlocks(text: string): Block[] {
  let blocks: { instructions: number; next: number[] }[] = [];
  let numbers: number[] = [];
  let goesOn = false;
  for (const line of text.split("\n")) {
    const label = /^BB(\d+):/.exec(line);
    if (/^\s*disasm:/.test(line)) [blocks, numbers, goesOn] = [[], [], false];
    else if (label) {
      const number = Number(label[1]);
      if (goesOn) blocks.at(-1)?.next.push(number);
      goesOn = true;
      numbers.push(number);
      blocks.push({ instructions: 0, next: [] });
    } else if (/^\s+[a-z]+_\w/.test(line) && blocks.length > 0) {
      const block = blocks.at(-1)!;
      block.instructions++;
      const target = /^\s+s_c?branch\w* BB(\d+)/.exec(line);
      if (target) block.next.push(Number(target[1]));
      // What stands between a jump and the next label fills up a line of the cache.
      goesOn &&= !/^\s+s_(branch|endpgm)/.test(line);
    }
  }
  return blocks.map((block, index) => ({ ...block, number: numbers[index]! }));
}

/** NVIDIA's of Mesa, of the driver NVK. */
const NAK: Compiler = {
  name: "NAK",
  occupancy: "warps per multiprocessor",
  restart: /^NAK IR/,
  read: (text) => {
    const figure = (name: string): number => last(text, new RegExp(`^${name}: (\\d+)`, "gm"), name);
    const instructions = figure("Instruction count");
    return {
      registers: figure("Num GPRs"),
      spills: figure("Spills to mem") + figure("Fills from mem"),
      occupancy: figure("Max warps/SM"),
      instructions,
      hotLoop: hotLoop(bracedBlocks(text, /^block(?:\.u)? (\d+) .*\{$/, /\b(\d+)\b/g)) ?? instructions,
    };
  },
};

/** Apple's of Mesa, of the driver Honeykrisp: not Apple's own compiler, but the same registers. */
const AGX: Compiler = {
  name: "AGX",
  occupancy: "invocations of a workgroup at most",
  read: (text, listing = "") => {
    const line = text.split("\n").findLast((line) => /\d+ gprs/.test(line)) ?? "";
    const figure = (name: string): number => last(line, new RegExp(`(\\d+) ${name}\\b`, "g"), name);
    const [, stores, loads] = /(\d+):(\d+) spills:fills/.exec(line) ?? [];
    if (stores === undefined) throw new StatisticsError('Cannot read the output of the compiler: no "spills:fills"');
    const instructions = figure("instrs");
    const turns = listing.split(/^(?=block0 \{)/m).map((part) =>
      hotLoop(bracedBlocks(part, /^block(\d+) \{/, /\bblock(\d+)\b/g))
    );
    return {
      registers: figure("gprs"),
      spills: Number(stores) + Number(loads),
      occupancy: figure("threads"),
      instructions,
      hotLoop: turns.findLast((turn) => turn !== undefined) ?? instructions,
    };
  },
};

/** Blocks that are written `block 3 {`, instructions, `} -> successors from predecessors`. */
function bracedBlocks(text: string, begin: RegExp, successors: RegExp): Block[] {
  const blocks: Block[] = [];
  let open: { number: number; instructions: number } | undefined;
  for (const line of text.split("\n")) {
    const number = begin.exec(line)?.[1];
    if (number !== undefined) open = { number: Number(number), instructions: 0 };
    else if (open && line.startsWith("}")) {
      const next = line.split("from")[0]!.matchAll(successors);
      blocks.push({ ...open, next: Array.from(next, (match) => Number(match[1])) });
      open = undefined;
    } else if (open && line.trim() !== "") open.instructions++;
  }
  return blocks;
}

/** Intel's, of the driver ANV: of the widths that it compiles, the one that it dispatches. */
const BRW: Compiler = {
  name: "BRW",
  occupancy: "lanes of a thread (SIMD width)",
  read: (text) => {
    const head = /SIMD(\d+) shader: (\d+) inst\w*\. \d+ loops\. \d+ cycles\. (\d+):(\d+) spills:fills/;
    const parts = text.split(/^(?=.*SIMD\d+ shader: \d+ inst)/m).filter((part) => head.test(part));
    const part = parts.at(-1);
    if (part === undefined) throw new StatisticsError('Cannot read the output of the compiler: no "SIMD... shader"');
    const [, width, count, stores, loads] = head.exec(part)!.map(Number);
    // The register file has 128 registers of a thread, or 256 in large mode, and the compiler tells no fewer.
    const live = /(?:Register pressure|max live registers:?)\D*(\d+)/i.exec(part)?.[1];
    return {
      registers: live === undefined ? 128 : Number(live),
      spills: stores! + loads!,
      occupancy: width!,
      instructions: count!,
      hotLoop: hotLoop(brwBlocks(part)) ?? count!,
    };
  },
};

/** Blocks that are written `START B3 <-B2`, instructions, `END B3 ->B4 ->B1`; those without any have an end alone. */
function brwBlocks(text: string): Block[] {
  const instructions = new Map<number, number>();
  const next = new Map<number, readonly number[]>();
  let open: number | undefined;
  for (const line of text.split("\n")) {
    const start = /^\s*START B(\d+)/.exec(line)?.[1];
    const end = /^\s*END B(\d+)/.exec(line)?.[1];
    if (start !== undefined) open = Number(start);
    else if (end !== undefined) {
      next.set(Number(end), Array.from(line.matchAll(/->B(\d+)/g), (match) => Number(match[1])));
    } else if (open !== undefined && line.trim() !== "") instructions.set(open, (instructions.get(open) ?? 0) + 1);
  }
  const numbers = [...next.keys()].sort((a, b) => a - b);
  return numbers.map((number) => ({
    number,
    instructions: instructions.get(number) ?? 0,
    next: next.get(number)!,
  }));
}

/** The compilers by name. */
export const COMPILERS = { ACO, NAK, AGX, BRW } as const;

function last(text: string, pattern: RegExp, name: string): number {
  const value = [...text.matchAll(pattern)].at(-1)?.[1];
  if (value === undefined) throw new StatisticsError(`Cannot read the output of the compiler: no "${name}"`);
  return Number(value);
}
