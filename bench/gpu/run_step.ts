/** Running one program with a limit on its time, its output written to files as it comes. */
import type { Step } from "./steps.ts";

/** How a program ended. */
export interface StepResult {
  readonly name: string;
  /** `stopped`: it took too long; `missing`: the program, or what it needs, is not installed. */
  readonly status: "ok" | "failed" | "stopped" | "missing";
  /** Absent where it did not end by itself. */
  readonly exitCode?: number;
  readonly seconds: number;
}

/** The root of the repository, where programs run. */
const ROOT = new URL("../../", import.meta.url);

/**
 * Runs a program. Its stdout goes to `NAME.jsonl`, its stderr to `NAME.log`; what it wrote before it was stopped stays.
 * @param step what to run
 * @param folder where the files go; it must be there
 */
export async function runStep(step: Step, folder: string): Promise<StepResult> {
  const { name, seconds, command } = step;
  const start = performance.now();
  const elapsed = (): number => Math.round((performance.now() - start) / 100) / 10;
  const [program, ...args] = command;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args, cwd: ROOT, stdout: "piped", stderr: "piped", detached: true }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { name, status: "missing", seconds: elapsed() };
    throw error;
  }
  let stopped = false;
  const timer = setTimeout(() => {
    stopped = true;
    killGroup(child);
  }, 1000 * seconds);
  try {
    const [{ code }] = await Promise.all([
      child.status,
      child.stdout.pipeTo((await Deno.create(`${folder}/${name}.jsonl`)).writable),
      child.stderr.pipeTo((await Deno.create(`${folder}/${name}.log`)).writable),
    ]);
    if (stopped) return { name, status: "stopped", seconds: elapsed() };
    return { name, status: statusOf(step, code), exitCode: code, seconds: elapsed() };
  } finally {
    clearTimeout(timer);
  }
}

function statusOf({ accepted, missing }: Step, code: number): StepResult["status"] {
  if (accepted.includes(code)) return "ok";
  return code === missing ? "missing" : "failed";
}

/** Ends a program and those it has started: as it is detached, it leads a process group of its own. */
function killGroup(child: Deno.ChildProcess): void {
  if (Deno.build.os === "windows") child.kill("SIGKILL");
  else Deno.kill(-child.pid, "SIGKILL");
}
