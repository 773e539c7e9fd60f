/**
 * A worker that computes nothing, for tests of what the page shows: pictures are gray, and the seed of a request says what
 * becomes of it (`SEEDS`). Bundled in place of the worker.
 */
import { expose } from "comlink";
import { taskNamed } from "../../restoration/mod.ts";
import { registers, taskFacts } from "../../studio/engine/registers.ts";
import { profileOf } from "../../studio/engine/profile.ts";
import type { Pixels, StudioFailure } from "../../studio/protocol.ts";
import { sampleDocument } from "../profiling/profile_document.ts";
import { fakeEngine, picture, PLAN, RESTORED, restored, step } from "./fake_engine.ts";
import { SEEDS } from "./scripted_seeds.ts";

/** A gray picture of the size of the sample. */
function gray(): Pixels {
  return { width: 64, height: 64, rgba: new Uint8ClampedArray(4 * 64 * 64).fill(128) };
}

const failures: Readonly<Record<number, StudioFailure>> = {
  [SEEDS.lost]: { kind: "lost", message: "Cannot go on: the device was lost" },
  [SEEDS.memory]: { kind: "memory", message: "Cannot restore the picture on this device; give a smaller --size" },
};

let stop: () => void = () => {};

const { engine } = fakeEngine({
  tasks: () => Promise.resolve(registers()),
  read: () => Promise.resolve({ ...picture(1), ...gray(), name: "sample.png" }),
  diagnose: () =>
    Promise.resolve({
      findings: [{ text: "it is small", confidence: 0.8, isSure: true }, {
        text: "it is gray",
        confidence: 0.3,
        isSure: false,
      }],
      advice: {
        task: taskFacts(taskNamed("sr2")),
        options: {},
        mask: null,
        first: "deno task degrade",
        later: ["noisy"],
      },
    }),
  plan: () => Promise.resolve({ ...PLAN, notes: ["What the user should know."] }),
  stop: () => Promise.resolve(stop()),
  restore: async ({ seed, samples }, onStep) => {
    if (failures[seed]) throw failures[seed];
    await onStep?.(step(1, { picture: gray() }));
    if (seed === SEEDS.endless) {
      await new Promise<void>((_, reject) => stop = () => reject({ kind: "stopped", message: "" }));
    }
    const pictures = Array.from(
      { length: samples },
      (_, index) =>
        restored(10 + index, { ...gray(), seed: seed + index, isHarm: index > 0, quality: { psnr: 30, ssim: 0.9 } }),
    );
    return { ...RESTORED, pictures, notes: ["What was done to the picture."] };
  },
  verify: async (onChecked) => {
    const shared = { files: 2, about: "Degradations" };
    const equal = { name: "a.Ax", outcome: "equal", error: 1e-7, bound: 1e-5, reason: null } as const;
    const different = { ...equal, name: "b.Ax", outcome: "different", error: 0.1 } as const;
    const left = {
      ...equal,
      name: "c",
      outcome: "not compared",
      error: null,
      bound: null,
      reason: "an input",
    } as const;
    await onChecked({ ...shared, file: "operators.safetensors", number: 1, quantities: [equal, left] });
    await onChecked({ ...shared, file: "ops.safetensors", number: 2, quantities: [equal, different] });
  },
  profile: () => Promise.resolve(profileOf(sampleDocument())),
});

expose(engine);
