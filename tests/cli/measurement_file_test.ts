import { assertEquals } from "@std/assert";
import { type Measurement, readMeasurement, writeMeasurement } from "../../cli/measurement_file.ts";
import { TASKS } from "../../restoration/mod.ts";
import { hostTensor } from "../../engine/mod.ts";
import { randomValues } from "../support/random.ts";
import { withFolder } from "./run_command.ts";

Deno.test("a measurement is read as it was written: values, parameters, noise, seed and picture", async () => {
  const mask = hostTensor(Float32Array.from({ length: 64 }, (_, i) => i % 3 > 0 ? 1 : 0), [8, 8]);
  const measurement: Measurement = {
    task: TASKS.get("inpaint")!,
    imageShape: [8, 8, 3],
    options: { mask },
    noise: { kind: "gaussian", sigma: 0.125 },
    seed: 4_000_000_000,
    picture: { file: "x", width: 9, height: 10, channels: 1, bitDepth: 16 },
    y: hostTensor(randomValues(192, 1), [1, 8, 8, 3]),
  };
  await withFolder(async (folder) => {
    await writeMeasurement(folder.path("y.safetensors"), measurement);
    assertEquals(folder.list(), ["y.safetensors"]);
    const { operator, sha256, ...read } = await readMeasurement(folder.path("y.safetensors"));
    assertEquals(read, measurement);
    assertEquals([operator.measurementShape, sha256.length], [[8, 8, 3], 64]);
  });
});
