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

/** Share of its seconds that a program is told: the rest is for starting and for what it has begun. */
const PROGRAM_SHARE = 0.8;

/** The root of the repository, where programs run. */
const ROOT = new URL("../../", import.meta.url);

/**
 * Runs a program. Its stdout goes to `NAME.jsonl.part` as it comes, which becomes `NAME.jsonl` when the program ends by
 * itself or is stopped; its stderr goes to `NAME.log`.
 * @param step what to run
 * @param seconds after which it is stopped
 * @param folder where the files go; it must be there
 */
export async function runStep(step: Step, seconds: number, folder: string): Promise<StepResult> {
  const { name } = step;
  const start = performance.now();
  const elapsed = (): number => Math.round((performance.now() - start) / 100) / 10;
  const [program, ...args] = step.command(Math.max(1, Math.floor(seconds * PROGRAM_SHARE)));
  const part = `${folder}/${name}.jsonl.part`;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args, cwd: ROOT, stdout: "piped", stderr: "piped", detached: true }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { name, status: "missing", seconds: elapsed() };
    }
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
      child.stdout.pipeTo((await Deno.create(part)).writable),
      child.stderr.pipeTo((await Deno.create(`${folder}/${name}.log`)).writable),
    ]);
    await Deno.rename(part, `${folder}/${name}.jsonl`);
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
