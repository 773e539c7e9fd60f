import { assertEquals } from "@std/assert";
import type { Row } from "../../conformance/mod.ts";
import { safetensorsBytes } from "../../models/mod.ts";
import { rowsOf } from "./reference_files.ts";

/** Rows about a file of kind `schedule` with these tables in f64. */
async function rowsOfTables(tables: Readonly<Record<string, readonly number[]>>): Promise<readonly Row[]> {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    const tensors = Object.entries(tables).map(([name, values]) => ({
      name,
      dtype: name.endsWith("timestep_map") ? "I32" as const : "F64" as const,
      shape: [values.length],
      data: () => [
        new Uint8Array((name.endsWith("timestep_map") ? Int32Array.from(values) : Float64Array.from(values)).buffer),
      ],
    }));
    await Deno.writeFile(path, await safetensorsBytes({ tensors, metadata: new Map([["kind", "schedule"]]) }));
    return await rowsOf(path);
  } finally {
    await Deno.remove(path);
  }
}

/** beta from 1e-4 to 0.02, times 1000 / T (Ho et al. 2020). */
function linear(steps: number): number[] {
  return Array.from({ length: steps }, (_, t) => (1e-4 + (0.02 - 1e-4) * t / (steps - 1)) * 1000 / steps);
}

/** beta of the squared cosine (Nichol and Dhariwal 2021, equation 17). */
function cosine(steps: number): number[] {
  const level = (u: number): number => Math.cos((u + 0.008) / 1.008 * Math.PI / 2) ** 2;
  return Array.from({ length: steps }, (_, t) => Math.min(1 - level((t + 1) / steps) / level(t / steps), 0.999));
}

function cumulative(betas: readonly number[]): number[] {
  let product = 1;
  return betas.map((beta) => product *= 1 - beta);
}

/** Betas of some levels of a process: what cumulative products they have without the others. */
function respaced(betas: readonly number[], kept: readonly number[]): number[] {
  const levels = cumulative(betas);
  return kept.map((t, i) => 1 - levels[t]! / (i === 0 ? 1 : levels[kept[i - 1]!]!));
}

const statuses = (rows: readonly Row[]): Readonly<Record<string, string>> =>
  Object.fromEntries(rows.map(({ quantity, status }) => [quantity, status]));

Deno.test("verify takes the number of training steps from the name of a schedule, whatever it is", async () => {
  const rows = await rowsOfTables({
    "linear250.betas": linear(250),
    "linear250.alphas_cumprod": cumulative(linear(250)),
    "linear4000.alphas_cumprod": cumulative(linear(4000)),
    "cosine100.betas": cosine(100),
    "cosine100.alphas_cumprod": cumulative(cosine(100)),
    "cosine.betas": cosine(60),
  });
  assertEquals(rows.filter(({ status }) => status !== "ok"), []);
  assertEquals(rows.length, 6);
});

Deno.test("verify thins out the schedule that a respaced table names, or the only one of the file", async () => {
  const every = (count: number, steps: number): number[] => Array.from({ length: count }, (_, i) => i * steps / count);
  const rows = await rowsOfTables({
    "linear250.betas": linear(250),
    "respace_ddim25.betas": respaced(linear(250), every(25, 250)),
    "respace_ddim25.timestep_map": every(25, 250),
    "cosine100_respace_ddim10.betas": respaced(cosine(100), every(10, 100)),
    "linear500_f3_b5_t10.forward.timestep_map": [0, 4, 9],
    "linear500_f3_b5_t10.forward.betas": respaced(linear(500), [0, 4, 9]),
    "linear500_f3_b5_t10.inversion_c1.eta0.0": [...respaced(linear(500), [0, 4, 9]).slice(1), 0].map((_, i) =>
      i === 2 ? 1 : Math.sqrt(1 - cumulative(linear(500))[[4, 9][i]!]!)
    ),
  });
  assertEquals(rows.filter(({ status }) => status !== "ok"), []);
  assertEquals(rows.length, 7);
});

Deno.test("verify says of schedules and tables that it does not know that they are not supported", async () => {
  const known = linear(250);
  const rows = await rowsOfTables({
    "linear250.betas": known,
    "quadratic250.betas": known,
    "scaled_quadratic1000.betas": known,
    "linear250.snr": known,
    "linear250.sub.betas": known,
    "LINEAR.betas": known,
    "respace_.betas": known,
    "betas": known,
    "linear-250": known,
  });
  const { "linear250.betas": own, ...others } = statuses(rows);
  assertEquals(own, "ok");
  assertEquals(Object.keys(others).length, 8);
  assertEquals(new Set(Object.values(others)), new Set(["not supported"]));
});

Deno.test("verify does not guess which of several schedules a table thins out", async () => {
  const tables = { "linear250.betas": linear(250), "respace_250.betas": linear(250) };
  assertEquals(statuses(await rowsOfTables(tables))["respace_250.betas"], "ok");
  const rows = await rowsOfTables({ ...tables, "cosine100.betas": cosine(100) });
  assertEquals(statuses(rows)["respace_250.betas"], "not supported");
});

Deno.test("verify fails tables of another number of steps than their name tells, and of no process", async () => {
  const rows = await rowsOfTables({
    "linear250.betas": linear(200),
    "linear250.alphas_cumprod": cumulative(linear(251).slice(0, 250)),
    "linear0.betas": linear(250),
    "cosine100.betas": linear(100),
  });
  assertEquals(new Set(Object.values(statuses(rows))), new Set(["FAILED"]));
  assertEquals(rows.length, 4);
});
