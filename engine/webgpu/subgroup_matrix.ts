/** What an adapter says of products of small matrices that its subgroups compute: tensor cores, in other words. */
import type { SubgroupMatrix } from "../op.ts";

/** Feature of devices with such products; to be asked for where an adapter lists it. */
export const SUBGROUP_MATRIX_FEATURE = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

/** Feature of devices whose kernels may choose the size of their subgroups; likewise. */
export const SUBGROUP_SIZE_FEATURE = "subgroup-size-control" as GPUFeatureName;

/** One kind of product of an adapter, as `GPUAdapterInfo.subgroupMatrixConfigs` lists them. */
export interface SubgroupMatrixConfig {
  /** Rows of the sums. */
  readonly M: number;
  /** Columns of the sums. */
  readonly N: number;
  /** Products of a sum. */
  readonly K: number;
  /** Element type of the factors, such as `f16`. */
  readonly componentType: string;
  /** Element type of the sums, such as `f32`. */
  readonly resultComponentType: string;
}

/** What is read of an adapter. */
export interface SubgroupMatrixInfo {
  /** Invocations of its smallest subgroups. */
  readonly subgroupMinSize?: number;
  /** Invocations of its largest subgroups. */
  readonly subgroupMaxSize?: number;
  /** Absent where the adapter has no such products. */
  readonly subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig>;
}

/** Largest extent of a product that kernels are written for: tiles are multiples of it. */
const LARGEST_EXTENT = 16;

/**
 * The largest product of f16 factors and f32 sums that an adapter offers.
 *
 * Where its subgroups vary in size, the smallest is asked for: on all adapters known it is the one that the products are
 * made for (8 or 16 invocations on Intel, 32 on AMD).
 * @param info what the adapter says of itself
 * @param features those that the device has
 * @returns undefined if there is none that kernels can use
 */
export function subgroupMatrixOf(info: SubgroupMatrixInfo, features: readonly string[]): SubgroupMatrix | undefined {
  const needed = ["subgroups", "shader-f16", SUBGROUP_MATRIX_FEATURE];
  const { subgroupMinSize: lanes, subgroupMaxSize: most, subgroupMatrixConfigs = [] } = info;
  if (!needed.every((feature) => features.includes(feature)) || !lanes) return undefined;
  const asksForLanes = lanes !== most;
  if (asksForLanes && !features.includes(SUBGROUP_SIZE_FEATURE)) return undefined;
  const isUsable = ({ M, N, K, componentType, resultComponentType }: SubgroupMatrixConfig): boolean =>
    componentType === "f16" && resultComponentType === "f32" &&
    [M, N, K].every((extent) => extent % 4 === 0 && LARGEST_EXTENT % extent === 0);
  const size = ({ M, N, K }: SubgroupMatrixConfig): number => M * N * K;
  const [largest] = [...subgroupMatrixConfigs].filter(isUsable).sort((a, b) => size(b) - size(a));
  return largest && { rows: largest.M, columns: largest.N, inner: largest.K, lanes, asksForLanes };
}
