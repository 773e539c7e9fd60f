/** What is measured on a machine with a graphics card, in the order of worth: a visit can end at any moment. */
import { NOT_INSTALLED } from "./provider.ts";

/** One program. */
export interface Step {
  /** What its files are called. */
  readonly name: string;
  /** What it is to find out. */
  readonly about: string;
  /** Its share of a visit of `VISIT_SECONDS`; what earlier steps left of theirs is added. */
  readonly seconds: number;
  /** The program and its arguments, run in the root of the repository, given the seconds that it has. */
  readonly command: (seconds: number) => readonly [program: string, ...words: string[]];
  /** Exit codes that mean success. */
  readonly accepted: readonly number[];
  /** Exit code that means that what it needs is not installed. */
  readonly missing?: number;
}

/** Seconds of a visit: what a card is lent for at a time, less the time to start. */
export const VISIT_SECONDS = 530;

/** Exit code of `verify` when all agrees and something is not supported. */
const NOT_SUPPORTED = 3;

/** Settings of the programs that use Dawn. */
const DAWN_SETTINGS = "bench/gpu/deno.json";

/** Reference files in which every form for graphics cards occurs: operations, networks, trajectories. */
const GOLDEN = [
  "ops-basic",
  "unet-guided-a-tiny",
  "unet-guided-b-noscaleshift",
  "unet-guided-c-classcond",
  "unet-ddpm-a-tiny",
  "operators-32",
  "ssd-traj-ssd-sr_average_x4",
  "ssd-traj-dps-sr_average_x4",
].map((name) => `tests/golden/${name}.safetensors`);

/**
 * All steps.
 * @param isDry whether they run at tiny sizes, on an adapter that passes for a graphics card
 */
export function gpuSteps(isDry = false): readonly Step[] {
  const provider = isDry ? "dry" : "deno";
  const golden = isDry ? GOLDEN.slice(1, 2) : GOLDEN;
  const networks = isDry ? ["tiny"] : ["ffhq", "imagenet-256"];
  const half = ["--precision", "f16"];
  const steps: readonly Step[] = [
    {
      name: "card",
      about: "which card and driver, by NVIDIA's own tool",
      seconds: 5,
      command: () => [
        "nvidia-smi",
        "--query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit",
        "--format=csv",
      ],
      accepted: [0],
    },
    deno("adapter", "features and limits as WebGPU tells them", 10, ["bench/gpu/adapter.ts"]),
    deno("clock", "timestamps against wall time", 10, ["bench/gpu/micro.ts", "clock", provider]),
    deno("verify", "whether every form computes what the original programs did", 60, verify(golden), [
      0,
      NOT_SUPPORTED,
    ]),
    deno("verify-f16", "the same with weights in half precision", 25, verify(golden.slice(0, 5), half), [
      0,
      NOT_SUPPORTED,
    ]),
    deno("rates", "ceilings of the card, and what dispatches and submits cost", 25, [
      "bench/gpu/micro.ts",
      "rates",
      provider,
    ]),
    deno("products", "products and convolutions of large networks in every tile and algorithm", 110, (seconds) => [
      ...["bench/gpu/layers.ts", "products", `${seconds}`, provider],
    ]),
    deno("layers", "norms, attention, bands of Winograd, embeddings", 50, (seconds) => [
      ...["bench/gpu/layers.ts", "layers", `${seconds}`, provider],
    ]),
    ...networks.map((name) =>
      deno(name, `one evaluation of ${name}, and its kernels`, name === "ffhq" ? 35 : 70, [
        "bench/gpu/network.ts",
        name,
        provider,
      ])
    ),
    {
      name: "torch",
      about: "the same networks in PyTorch on the same card, eager and compiled",
      seconds: 75,
      command: (seconds) => [
        "python3",
        "bench/gpu/torch_baseline.py",
        ...["--seconds", `${seconds}`, "--networks", "ffhq,imagenet-256", "--layouts", "channels_last"],
      ],
      accepted: [0],
      missing: NOT_INSTALLED,
    },
    dawn("dawn-adapter", "what Dawn offers, subgroup matrices above all", 10, () => ["bench/gpu/adapter.ts", "dawn"]),
    dawn(
      "dawn",
      "the products on Dawn: first the default forms, then the others, subgroup matrices among them",
      25,
      (seconds) => [...["bench/gpu/layers.ts", "products", `${seconds}`, isDry ? "dry-dawn" : "dawn"]],
    ),
    deno("tune", "whether the defaults of the embedded network are near the best", 20, (seconds) => [
      ...["cli/main.ts", "tune", "--json", "--dry-run", "--budget", `${Math.max(1, Math.floor(seconds / 2))}`],
    ]),
  ];
  // At tiny sizes a program takes the time to start it.
  return isDry ? steps.map((step) => ({ ...step, seconds: 1 })) : steps;
}

function verify(files: readonly string[], options: readonly string[] = []): readonly string[] {
  return ["cli/main.ts", "verify", "--json", ...options, ...files];
}

/** A program in Deno; a visit has no network, so that what is not in the cache must be told and not be waited for. */
function deno(
  name: string,
  about: string,
  seconds: number,
  words: readonly string[] | ((seconds: number) => readonly string[]),
  accepted: readonly number[] = [0],
): Step {
  return {
    name,
    about,
    seconds,
    command: (limit) => [
      Deno.execPath(),
      ...["run", "-q", "--cached-only", "--allow-all"],
      ...(typeof words === "function" ? words(limit) : words),
    ],
    accepted,
    missing: NOT_INSTALLED,
  };
}

function dawn(name: string, about: string, seconds: number, words: (seconds: number) => readonly string[]): Step {
  return deno(name, about, seconds, (limit) => ["--config", DAWN_SETTINGS, ...words(limit)]);
}
