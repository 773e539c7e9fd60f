/**
 * What pictures of several sizes take on the device: `deno run -A tools/windows/memory.ts` plans SSD and DPS for x4 with
 * the embedded prior, whole and in windows, and prints a table; nothing of it runs.
 */
import { DeviceLimitError, type Runtime, WebGpuRuntime } from "../../engine/mod.ts";
import { openModel } from "../../io/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import { chooseMethod, type PictureInput, planRestoration, TASKS } from "../../restoration/mod.ts";

/** Methods, sides of square pictures, and sides of windows; 0 is the whole picture. */
const CASES: readonly (readonly [method: string, side: number, window: number])[] = [
  ...[256, 512, 1024].map((side) => ["ssd", side, 0] as const),
  ...[512, 1024, 2048, 4096, 8192].map((side) => ["ssd", side, 64] as const),
  ...[1024, 4096].map((side) => ["ssd", side, 256] as const),
  ...[256, 512].map((side) => ["dps", side, 0] as const),
  ...[512, 1024, 2048, 4096].map((side) => ["dps", side, 64] as const),
  ...[1024].map((side) => ["dps", side, 256] as const),
];

async function bytesOf(
  runtime: Runtime,
  model: OpenedModel,
  [name, side, window]: typeof CASES[number],
): Promise<string> {
  const task = TASKS.get("sr4")!;
  const small = side / task.scale;
  const data = new Float32Array(small * small * 3);
  const colour = { width: small, height: small, channels: 3, data };
  const source = { name: `a picture of ${side} pixels`, channels: 3, bitDepth: 8, colour } as const;
  const input: PictureInput = { source, task, options: {}, seed: 0, size: side };
  const setting = window === 0 ? {} : { window: { side: window, form: "overlapping" } as const };
  try {
    // The time is not asked for: any pace will do.
    const settled = { input, setting, pace: { flops: 1, seconds: 1 } };
    const { deviceBytes } = await planRestoration(
      runtime,
      model,
      settled,
      chooseMethod({ method: name, steps: 10 }, task),
    );
    return ((deviceBytes ?? 0) / 1e6).toFixed(0);
  } catch (error) {
    if (error instanceof DeviceLimitError) return "more than it binds";
    throw error;
  }
}

const runtime = await WebGpuRuntime.open();
const model = await openModel(runtime);
const lines = ["| method | picture | network | MB |", "| --- | --- | --- | --- |"];
for (const each of CASES) {
  const [name, side, window] = each;
  const network = window === 0 ? "whole" : `windows of ${window}`;
  lines.push(`| ${name} | ${side}x${side} | ${network} | ${await bytesOf(runtime, model, each)} |`);
}
runtime.destroy();
// deno-lint-ignore no-console -- the output of the command
console.log(lines.join("\n"));
