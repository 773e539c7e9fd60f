/** What the dispatches of a plan have to do: multiply-adds, bytes, and loads that wait for each other. */
import { boundBytes, type Plan, type PlannedDispatch } from "../../engine/mod.ts";
import { invocationsOf, tileOf } from "./kernels.ts";

/** Where the time of a network goes. */
export const PARTS = ["products", "Winograd transforms", "norms", "memory", "attention", "vectors", "gaps"] as const;

/** One of `PARTS`. */
export type Part = typeof PARTS[number];

/** A tensor that a dispatch reads or writes. */
export interface Touch {
  /** Whose memory it is. */
  readonly id: number;
  /** How much of it. */
  readonly bytes: number;
}

/** What one dispatch has to do. */
export interface Work {
  /** Name of its kernel. */
  readonly label: string;
  /** The text of its kernel, by which figures are found. */
  readonly wgsl: string;
  /** Where its time counts. */
  readonly part: Part;
  /** Workgroups. */
  readonly workgroups: number;
  /** Invocations of a workgroup. */
  readonly invocations: number;
  /** Floating-point operations that are executed, those on the padding of tiles included; a multiply-add is two. */
  readonly flops: number;
  /** Multiply-adds of an invocation in one turn of the loop of a product; undefined elsewhere. */
  readonly perTurn: number | undefined;
  /** In the order of the bindings. */
  readonly touches: readonly Touch[];
  /** Loads of an invocation that wait for each other; 0 where none do. */
  readonly chain: number;
}

/** Kernels in which few invocations read much, one turn after another. */
interface Chain {
  readonly label: RegExp;
  /** How often what is bound is read. */
  readonly passes: number;
  /** Bytes that an invocation asks for in one turn. */
  readonly bytesPerTurn: number;
}

/**
 * What merges the statistics of a group norm loads three values of four blocks in a turn; a vector product two rows of
 * four columns; a product of few rows four rows of weights and four inputs.
 */
const CHAINS: readonly Chain[] = [
  { label: /^groupNorm\.(merge|finish(?!\.merged))/, passes: 1, bytesPerTurn: 48 },
  { label: /^matmul\.vector/, passes: 1, bytesPerTurn: 32 },
  { label: /^matmul\.row/, passes: 1, bytesPerTurn: 80 },
];

/** Bindings, by place, of which a kernel reads one element: the origins of groups whose statistics are merged already. */
const GLANCES: readonly { readonly label: RegExp; readonly bindings: readonly number[] }[] = [
  { label: /^groupNorm\.finish\.merged\.joined/, bindings: [1, 2] },
  { label: /^groupNorm\.finish\.merged/, bindings: [1] },
];

const PART_OF: readonly (readonly [RegExp, Part])[] = [
  [/winograd/, "Winograd transforms"],
  [/^groupNorm/, "norms"],
  [/^attention/, "attention"],
  [/^matmul\.(vector|row)/, "vectors"],
];

/** The work of all dispatches of a plan, in order. */
export function workOf(plan: Plan): readonly Work[] {
  return callsOf(plan.dispatches).flatMap((call) => callWork(call, plan));
}

/** The dispatches by call: least bytes are counted at the first of each. */
function callsOf(dispatches: readonly PlannedDispatch[]): readonly (readonly PlannedDispatch[])[] {
  const calls: PlannedDispatch[][] = [];
  for (const dispatch of dispatches) {
    if (calls.length === 0 || dispatch.bytes > 0 || dispatch.scope !== calls.at(-1)![0]!.scope) calls.push([]);
    calls.at(-1)!.push(dispatch);
  }
  return calls;
}

function callWork(call: readonly PlannedDispatch[], plan: Plan): readonly Work[] {
  const ids = (access: "read" | "write"): ReadonlySet<number> =>
    new Set(
      call.flatMap(({ bindings }) =>
        bindings.filter((binding) => binding.access === access).map(({ tensor }) => plan.root(tensor.id))
      ),
    );
  const [read, written] = [ids("read"), ids("write")];
  // Bands of a call share what it takes and gives. Each reads the whole weight, and what lies between two kernels is of
  // the size of a band.
  const isShared = (id: number): boolean => plan.slotOf.has(id) && !(read.has(id) && written.has(id));
  return call.map((dispatch) => {
    const { label, wgsl, workgroups } = dispatch;
    const bands = call.filter((other) => other.label === label).length;
    const tile = tileOf(wgsl);
    const invocations = invocationsOf(wgsl);
    const count = workgroups[0] * workgroups[1] * workgroups[2];
    // A kernel without a bias, say, is bound to another tensor in its place.
    const glances = GLANCES.find(({ label: pattern }) => pattern.test(label))?.bindings ?? [];
    const taken = dispatch.bindings.filter((_, place) => !glances.includes(place));
    const bound = new Map(taken.map((binding) => [plan.root(binding.tensor.id), boundBytes(binding)]));
    const touches = Array.from(bound, ([id, bytes]) => ({ id, bytes: isShared(id) ? bytes / bands : bytes }));
    const chain = CHAINS.find(({ label: pattern }) => pattern.test(label));
    const bytes = touches.reduce((sum, { bytes }) => sum + bytes, 0);
    const depth = /\bk \+= (\d+)u;/.exec(wgsl)?.[1];
    return {
      label,
      wgsl,
      part: tile ? "products" : PART_OF.find(([pattern]) => pattern.test(label))?.[1] ?? "memory",
      workgroups: count,
      invocations,
      flops: tile ? productFlops(dispatch, tile) : /^attention/.test(label) ? dispatch.flops : 0,
      perTurn: tile && depth ? tile.rows * tile.columns * Number(depth) / invocations : undefined,
      touches,
      chain: chain ? chain.passes * bytes / (count * invocations * chain.bytesPerTurn) : 0,
    };
  });
}

/** Operations of a product whose tiles are computed whole. */
function productFlops(
  { wgsl, params = [], flops }: PlannedDispatch,
  tile: { readonly rows: number; readonly columns: number },
): number {
  const names = /struct Params \{([^}]*)\}/.exec(wgsl)?.[1]?.split(",").map((field) => field.split(":")[0]!.trim()) ??
    [];
  const value = (name: string): number => params[names.indexOf(name)] ?? NaN;
  const blocks = value("rowBlocks") * value("columnBlocks") * value("batch");
  const executed = 2 * blocks * tile.rows * tile.columns * value("inner");
  return Number.isNaN(executed) ? flops : executed;
}
