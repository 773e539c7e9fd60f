import { assertEquals } from "@std/assert";
import { decodeMeasurement, encodeMeasurement, type Measurement, TASKS } from "../../restoration/mod.ts";
import { hostTensor } from "../../engine/mod.ts";
import { bytesByteSource } from "../../models/mod.ts";
import { randomValues } from "../support/random.ts";

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
  const { operator, ...read } = await decodeMeasurement(bytesByteSource(await encodeMeasurement(measurement), "y"));
  assertEquals(read, measurement);
  assertEquals(operator.measurementShape, [8, 8, 3]);
});
