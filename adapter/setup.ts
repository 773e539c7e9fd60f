/**
 * `deno task setup`: makes sure that WebGPU finds an adapter, and installs Mesa's software Vulkan driver where it may.
 * With `--first-step` it is the quiet beginning of another task.
 */
import {
  choosePlan,
  findAdapter,
  findAdapterAnew,
  installCommand,
  installDriver,
  InstallError,
  readMachine,
} from "./mod.ts";

/** Writes a line for the user; to stderr, since the task that follows may print data. */
function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(line + "\n"));
}

/**
 * Looks for an adapter and does what the plan for this machine says.
 * @param isFirstStep whether another command runs next
 * @returns the exit code: 1 where there is no adapter in the end
 */
async function setup(isFirstStep: boolean): Promise<number> {
  const adapter = await findAdapter();
  const machine = await readMachine();
  const plan = choosePlan(adapter, machine, isFirstStep);
  if (plan.message !== "") say(plan.message);
  if (plan.action !== "install") return plan.action === "stop" ? 1 : 0;
  try {
    await installDriver(machine, say);
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    say(`Cannot install the software Vulkan driver: ${error.message}`);
    say(`Check the network and that no other package manager runs, then try again, or:\n  ${installCommand(machine)}`);
    return 1;
  }
  const result = await findAdapterAnew();
  if (result.kind === "hardware" || result.kind === "software") {
    say(`WebGPU adapter: ${result.name} (${result.kind}); ready`);
    return 0;
  }
  say("Cannot find the software Vulkan driver although it is installed: see that the environment variables");
  say("DENO_WEBGPU_BACKEND, VK_DRIVER_FILES and VK_ICD_FILENAMES are unset");
  return result.kind === "none" ? 1 : 0;
}

if (import.meta.main) Deno.exit(await setup(Deno.args.includes("--first-step")));
