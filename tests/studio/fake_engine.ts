/** An engine that computes nothing, for tests of the page's state. */
import type { Profile } from "../../studio/inspection.ts";
import type {
  Control,
  MethodFacts,
  Plan,
  ReadPicture,
  Registers,
  Request,
  Restored,
  RestoredPicture,
  Step,
  StudioEngine,
  TaskFacts,
} from "../../studio/protocol.ts";

export const SCALE: Control = {
  option: "scale",
  kind: "integer",
  help: "",
  default: 2,
  min: 1,
  max: 16,
  only: "degrade",
};
export const WIDTH: Control = { option: "width", kind: "number", help: "", default: null, min: 0, excludes: ["scale"] };
export const ETA: Control = { option: "eta", kind: "number", help: "", default: 0.85, min: 0, max: 1 };

export function task(name: string, about: string, more: Partial<TaskFacts> = {}): TaskFacts {
  return {
    ...{ name, about, kind: "k", scale: 1, takesDamaged: true, mask: "none", needs: null },
    ...{ controls: [], methods: ["slow", "fast"], ...more },
  };
}

export function method(name: string, controls: readonly Control[] = []): MethodFacts {
  return { name, about: "", paper: "", controls, published: {} };
}

export const REGISTERS: Registers = {
  tasks: [
    task("cs", "compressed sensing: from products", { takesDamaged: false }),
    task("sr2", "enlarge x2", { controls: [SCALE, WIDTH] }),
    task("sr4", "enlarge x4", { methods: ["fast"] }),
    task("inpaint", "fill what a mask marks", { mask: "needed" }),
  ],
  methods: [method("fast"), method("slow", [ETA])],
  degrade: { option: "degrade", kind: "flag", help: "", default: false },
  noise: [],
  general: [],
};

export function picture(id: number, more: Partial<ReadPicture> = {}): ReadPicture {
  const rgba = new Uint8ClampedArray(4 * 4 * 3);
  return { id, name: "photo.png", width: 4, height: 3, rgba, hasAlpha: false, parameters: null, ...more };
}

export function restored(id: number, more: Partial<RestoredPicture> = {}): RestoredPicture {
  const { width, height, rgba } = picture(id);
  return {
    ...{ id, kind: "result", seed: 0, width, height, rgba, channels: 3, values: new Float32Array(36) },
    ...{ quality: null, verdict: "It is better.", isHarm: false, ...more },
  };
}

export function step(number: number, more: Partial<Step> = {}): Step {
  return {
    ...{ sample: 1, samples: 1, name: "a step", step: number, steps: 4, evaluations: number },
    ...{ milliseconds: 10 * number, remaining: null, picture: picture(0), ...more },
  };
}

export const PLAN: Plan = {
  ...{ result: "4x3", restored: "4x3", network: "64x64", windows: { count: 1, side: null } },
  ...{ evaluations: 4, evaluationMilliseconds: 25, milliseconds: 100, deviceBytes: 1000, notes: [] },
};

export const RESTORED: Restored = {
  ...{ pictures: [restored(7)], measurement: null, notes: [], seeds: [0] },
  ...{ milliseconds: 40, evaluationMilliseconds: 8 },
};

export const PROFILE: Profile = {
  ...{ title: "a step", method: "a clock", notes: [], ceilings: { gflopPerSecond: 1, gigabytesPerSecond: 1 } },
  ...{ tables: [], boxes: [], operations: [], page: "", data: "" },
};

/** The engine, with the calls that it got, and with some of them replaced. */
export function fakeEngine(
  replaced: Partial<StudioEngine> = {},
): { readonly engine: StudioEngine; readonly calls: [name: string, ...unknown[]][] } {
  const calls: [string, ...unknown[]][] = [];
  const adapter = { description: "a card", isSoftware: false, features: [], maxTensorBytes: 1e9 };
  const all: StudioEngine = {
    facts: () => Promise.resolve({ version: "1", adapter, missing: null }),
    tasks: () => Promise.resolve(REGISTERS),
    openModel: () =>
      Promise.resolve({ name: "prior", sha256: "", parameterCount: 1, imageSize: 64, hasClasses: false, notes: [] }),
    read: () => Promise.resolve(picture(1)),
    readMask: () => Promise.resolve({ mask: { width: 4, height: 3, known: new Uint8Array(12) }, notes: [] }),
    readKernel: () => Promise.resolve({ ...picture(1), id: 9, name: "kernel.txt" }),
    diagnose: () => Promise.resolve({ findings: [], advice: null }),
    plan: () => Promise.resolve(PLAN),
    restore: () => Promise.resolve(RESTORED),
    verify: () => Promise.resolve(),
    profile: () => Promise.resolve(PROFILE),
    stop: () => Promise.resolve(),
    save: () => Promise.resolve(new Uint8Array([1])),
    forget: () => Promise.resolve(),
    commandLine: (request: Request) => Promise.resolve(`restore --task ${request.options["task"]}`),
    ...replaced,
  };
  const engine = new Proxy(all, {
    get: (target, name: keyof StudioEngine) => (...given: unknown[]) => {
      calls.push([name, ...given]);
      return (target[name] as (...given: unknown[]) => unknown)(...given);
    },
  });
  return { engine, calls };
}
