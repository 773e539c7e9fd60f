/**
 * Unconditional samples of the embedded model as one picture, two rows of eight, sample k from seed k.
 *
 *     deno task samples FILE [--steps N]
 */
import { parseArgs } from "@std/cli/parse-args";
import { WebGpuRuntime } from "../engine/mod.ts";
import type { Raster } from "../io/mod.ts";
import { openDefaultModel } from "../models/mod.ts";
import { PLAIN_SAMPLERS, seededNoise } from "../samplers/mod.ts";
import { rastersOf, writeGrid } from "./picture_grid.ts";

const COLUMNS = 8;
const ROWS = 2;

async function main(words: readonly string[]): Promise<number> {
  const options = parseArgs(words, { string: ["steps", "_"] });
  const [path] = options._.map(String);
  if (path === undefined) {
    Deno.stderr.writeSync(new TextEncoder().encode("error: name the PNG to write\n"));
    return 2;
  }
  const runtime = await WebGpuRuntime.open();
  const noiseModel = (await openDefaultModel(runtime)).noiseModel();
  const samples: Raster[] = [];
  for (let row = 0; row < ROWS; row++) {
    const sampling = PLAIN_SAMPLERS.ddim.sample(runtime, { model: noiseModel, count: COLUMNS }, {
      ...PLAIN_SAMPLERS.ddim.defaults,
      steps: Number(options.steps ?? 100),
      noise: seededNoise(Array.from({ length: COLUMNS }, (_, column) => row * COLUMNS + column)),
    });
    let next = await sampling.next();
    while (!next.done) next = await sampling.next();
    samples.push(...rastersOf(await next.value.read(), noiseModel.imageShape));
    next.value.free();
  }
  await writeGrid(path, samples, COLUMNS);
  runtime.destroy();
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
