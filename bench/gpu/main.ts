/**
 * Everything that is measured on a machine with a graphics card, in less than 20 minutes and without a network:
 * `main.ts [FOLDER]`. Each figure is in a file of the folder (`out/gpu` by default) as soon as it exists. Packages must
 * be in Deno's cache; PyTorch is optional. Exit codes: 0 no step failed, 1 some did, 2 usage.
 */
import { runStep, type StepResult } from "./run_step.ts";
import { gpuSteps } from "./steps.ts";

const DEFAULT_FOLDER = "out/gpu";

/** Runs one command line and returns the exit code. */
async function main(words: readonly string[]): Promise<number> {
  const [folder = DEFAULT_FOLDER, ...rest] = words;
  if (rest.length > 0 || folder.startsWith("-")) {
    await print("Usage: deno task gpu [FOLDER]");
    return 2;
  }
  await Deno.mkdir(folder, { recursive: true });
  const results: StepResult[] = [];
  for (const step of gpuSteps()) {
    await print(`${step.name}: up to ${step.seconds} s`);
    const result = await runStep(step, folder);
    results.push(result);
    await Deno.writeTextFile(`${folder}/summary.json`, `${JSON.stringify(results, undefined, 2)}\n`);
    await print(`${step.name}: ${result.status} after ${result.seconds} s, see ${folder}/${step.name}.jsonl and .log`);
  }
  return results.every(({ status }) => status === "ok" || status === "missing") ? 0 : 1;
}

async function print(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
