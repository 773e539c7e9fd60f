/** Graphics cards that exist on paper: they open as WebGPU devices that plan and never compute. */

/** What a plan may depend on. */
export interface CardIdentity {
  /** As the adapter calls itself. */
  readonly description: string;
  /** Number of the maker as Deno tells it, in decimal: 4098 AMD, 4318 NVIDIA, 32902 Intel, 0 on Metal. */
  readonly vendor: string;
  /** Least lanes of a subgroup. */
  readonly subgroupMinSize: number;
  /** Most lanes of a subgroup. */
  readonly subgroupMaxSize: number;
  /** WebGPU limits by name. */
  readonly limits: Readonly<Record<string, number>>;
}

/** A provider with one adapter, whose device makes plans; whatever would reach a card is absent. */
export function paperCard({ limits, ...info }: CardIdentity): GPU {
  const device = {
    limits,
    lost: new Promise<GPUDeviceLostInfo>(() => {}),
    addEventListener: (): void => {},
    destroy: (): void => {},
  };
  const adapter = {
    limits,
    info,
    features: new Set(["shader-f16"]),
    requestDevice: () => Promise.resolve(device),
  };
  return { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
}
