/**
 * Kernels whose invocations have exchanged their numbers. WGSL promises no order between the invocations of a workgroup
 * but at barriers, while an adapter runs them in an order of its own: what depends on it is right there by luck. Under
 * another numbering the same order of running is another order of numbers, so that such a kernel gives other bits.
 */
import { defineOp, type Dispatch, type Op } from "../../engine/mod.ts";

/**
 * Numberings of the invocations of a workgroup, the first of which is the kernel's own. Each is WGSL of the number that
 * invocation `own` of `size` takes; `step` is an eighth of the size, or 1 where 8 does not divide it.
 */
const NUMBERINGS = {
  own: "own",
  reversed: "size - 1u - own",
  stride: "own % (size / step) * step + own / (size / step)",
  both: "size - 1u - (own % (size / step) * step + own / (size / step))",
} as const;

/** Name of a numbering. */
export type Numbering = keyof typeof NUMBERINGS;

/** All of them, the kernel's own first. */
export const NUMBERING_NAMES = Object.keys(NUMBERINGS) as readonly Numbering[];

/** Whether invocations of a kernel wait for each other, and meet in memory alone. */
export function hasBarrier({ wgsl }: Dispatch): boolean {
  return wgsl.includes("workgroupBarrier") && !/\bsubgroup[A-Z]/.test(wgsl);
}

/** The head of every kernel, with its workgroup size; `kernels/text/wgsl.ts` alone writes it. */
const HEAD = /@workgroup_size\(([\d, ]+)\)[^{]*\bfn main\([^{]*\) \{/;

/**
 * A dispatch under a numbering. The numbering is a parameter of the kernel, so that one text serves all of them: a
 * short one where there is such, which waits at the same places and compiles in a quarter of the time.
 * @throws {Error} if the text does not have the head of kernels
 */
export function renumbered(
  { wgsl, shortWgsl: text = wgsl, params = [], bindings, ...dispatch }: Dispatch,
  numbering: Numbering,
): Dispatch {
  const [head, sides] = HEAD.exec(text) ?? [];
  const renamed = head?.replace(/\) lane: u32/, ") ownLane: u32").replace(/\) local: vec3u/, ") ownLocal: vec3u");
  if (!head || !sides || !renamed?.includes("ownLane") || !renamed.includes("ownLocal")) {
    throw new Error(`Cannot renumber the invocations of "${dispatch.label}": its text has no known head\n${text}`);
  }
  const [width = 1, height = 1, depth = 1] = sides.split(",").map(Number);
  const size = width * height * depth;
  const declared = params.length > 0
    ? text.replace(/struct Params \{ (.*) \}/, "struct Params { $1, numbering: u32 }")
    : `struct Params { numbering: u32 }\n@group(0) @binding(${bindings.length}) var<uniform> params: Params;\n${text}`;
  const [own, ...others] = NUMBERING_NAMES;
  return {
    ...dispatch,
    bindings,
    params: [...params, NUMBERING_NAMES.indexOf(numbering)],
    wgsl: `${
      declared.replace(
        head,
        () =>
          `${renamed}
let lane = numbered(ownLane);
let local = vec3u(lane % ${width}u, lane / ${width}u % ${height}u, lane / ${width * height}u);`,
      )
    }
fn numbered(own: u32) -> u32 {
  let size = ${size}u;
  let step = ${size % 8 === 0 ? size / 8 : 1}u;
  ${others.map((name, k) => `if (params.numbering == ${k + 1}u) { return ${NUMBERINGS[name]}; }`).join("\n  ")}
  return ${NUMBERINGS[own!]};
}
`,
  };
}

/** An operation with other dispatches. */
export function withDispatches<A>({ definition }: Op<A>, change: (dispatch: Dispatch) => Dispatch): Op<A> {
  return defineOp<A>({ ...definition, lower: (call, target) => definition.lower(call, target).map(change) });
}
