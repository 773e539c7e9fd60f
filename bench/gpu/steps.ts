/** What is measured on a machine with a graphics card, in the order of worth: a session there can end at any moment. */

/** One program. */
export interface Step {
  /** What its files are called. */
  readonly name: string;
  /** Longest time it may take in seconds. */
  readonly seconds: number;
  /** The program and its arguments, run in the root of the repository. */
  readonly command: readonly [program: string, ...words: string[]];
  /** Exit codes that mean success. */
  readonly accepted: readonly number[];
  /** Exit code that means that what it needs is not installed. */
  readonly missing?: number;
}

/** Exit code of `verify` when all agrees and something is not supported. */
const NOT_SUPPORTED = 3;

/** Exit code of `torch_baseline.py` without PyTorch or without CUDA. */
const NO_TORCH = 4;

/** Settings of the programs that use Dawn. */
const DAWN_SETTINGS = "bench/gpu/deno.json";

/** All programs. Their times add up to less than 20 minutes. */
export function gpuSteps(): readonly Step[] {
  return [
    deno("adapter", 30, ["bench/gpu/adapter.ts"]),
    deno("verify", 120, ["cli/main.ts", "verify", "--json", ...goldenFiles()], [0, NOT_SUPPORTED]),
    deno("kernels", 60, ["bench/main.ts", "--kernels", "--json"]),
    deno("algorithms", 60, ["bench/main.ts", "--algorithms", "--json"]),
    deno("tune", 50, ["cli/main.ts", "tune", "--json", "--dry-run", "--budget", "30"]),
    network("unet-64", 90),
    network("ffhq", 120),
    network("imagenet-256", 240),
    {
      name: "torch",
      seconds: 270,
      command: ["python3", "bench/gpu/torch_baseline.py", "--seconds", "240"],
      accepted: [0],
      missing: NO_TORCH,
    },
    deno("dawn-adapter", 30, ["--config", DAWN_SETTINGS, "bench/gpu/adapter.ts", "dawn"]),
    deno("dawn", 120, ["--config", DAWN_SETTINGS, "bench/gpu/dawn.ts", "unet-64", "ffhq", "imagenet-256"]),
  ];
}

function network(name: string, seconds: number): Step {
  return deno(name, seconds, ["bench/main.ts", "--network", name, "--runs", "5", "--json"]);
}

function deno(name: string, seconds: number, words: readonly string[], accepted: readonly number[] = [0]): Step {
  return { name, seconds, command: [Deno.execPath(), "run", "--allow-all", ...words], accepted };
}

function goldenFiles(): string[] {
  const names = Array.from(Deno.readDirSync(new URL("../../tests/golden/", import.meta.url)), ({ name }) => name);
  return names.filter((name) => name.endsWith(".safetensors")).sort().map((name) => `tests/golden/${name}`);
}
