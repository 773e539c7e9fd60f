/** The layers of a network that can be computed in several ways, equal ones counted. */
import type { Call, Plan, PlannedLayer } from "../../engine/mod.ts";

/** Layers of one shape. */
export interface Layer {
  /** What a preference for them is called. */
  readonly key: string;
  readonly operation: string;
  readonly algorithms: readonly string[];
  /** Key of the layer that they are a part of, as the product of a Winograd convolution is; timed with all of it. */
  readonly partOf?: string;
  /** One of the calls, of the kind that is most frequent among them. */
  readonly call: Call;
  /** Which of its inputs are the same in every run. */
  readonly constants: ReadonlySet<number>;
  /** How many there are in one evaluation of the network. */
  readonly count: number;
  /** Floating-point operations of one of them. */
  readonly flops: number;
}

/**
 * The distinct layers of a plan, most operations first.
 * @param algorithms what may be chosen, by operation; others of a layer are left out, and layers with fewer than two
 */
export function layersOf(plan: Plan, algorithms: Readonly<Record<string, readonly string[]>>): readonly Layer[] {
  const groups = Map.groupBy(plan.layers, ({ key }) => key);
  return Array.from(groups.values(), (layers) => {
    const [{ key, operation, algorithms: names }] = layers as [PlannedLayer];
    const { call, partOf } = mostFrequent(layers);
    const constants = call.inputs.flatMap(({ id }, index) => plan.slotOf.has(plan.root(id)) ? [] : [index]);
    const allowed = Object.hasOwn(algorithms, operation) ? algorithms[operation]! : [];
    return {
      key,
      operation,
      ...(partOf === undefined ? {} : { partOf }),
      algorithms: names.filter((name) => allowed.includes(name)),
      call,
      constants: new Set(constants),
      count: layers.length,
      flops: call.op.cost(call).flops,
    };
  }).filter(({ algorithms }) => algorithms.length > 1).sort((a, b) => b.count * b.flops - a.count * a.flops);
}

/** Layers of one key can differ in what is fused with them: bias, residual. */
function mostFrequent(layers: readonly PlannedLayer[]): PlannedLayer {
  const kinds = Map.groupBy(layers, ({ call }) => JSON.stringify([call.attrs, call.inputs.map(({ shape }) => shape)]));
  const [first] = [...kinds.values()].sort((a, b) => b.length - a.length);
  return first![0]!;
}
