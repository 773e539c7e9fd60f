import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkBounds } from "../../bench/bounds.ts";
import { formatBounds, formatRows } from "../../bench/table.ts";
import { GRADIENT_ROW, KERNEL_ROW, NETWORK_ROW } from "./sample_rows.ts";

Deno.test("a network's block shows time, host time, starts and memory", () => {
  const text = formatRows([NETWORK_ROW]);
  assertStringIncludes(text, "unet-64, batch 1, 64x64: 7.83 M parameters, 9.86 GFLOP\n");
  assertStringIncludes(text, "730 ms (720 ms to 1400 ms in 5), 13.5 GFLOP/s");
  assertStringIncludes(text, "1.20 ms (1.00 ms to 3.00 ms in 5), 270 dispatches");
  assertStringIncludes(text, "3.00 s: process 0.04 s, device 0.06 s, weights 0.20 s");
  assertStringIncludes(text, "process peak 330.0 MB, GPU buffers 43.0 MB (peak 44.0 MB)");
});

Deno.test("weights in half precision and a model file have lines of their own", () => {
  const loading = { fileBytes: 1.1e9, loadMilliseconds: 1100, readMilliseconds: 550, skimMilliseconds: 220 };
  const text = formatRows([{ ...NETWORK_ROW, precision: "f16", halfError: 4.12e-4, loading }]);
  assertStringIncludes(text, "unet-64, batch 1, 64x64, weights in half precision: 7.83 M parameters");
  assertStringIncludes(text, "relative L2 error 4.1e-4 against weights in single precision");
  assertStringIncludes(
    text,
    "1100.0 MB in 1.10 s (1.00 GB/s); reading the file into memory 0.55 s (2.00 GB/s), piece by piece 0.22 s (5.00 GB/s)",
  );
});

Deno.test("kernels stand below the networks, a line each", () => {
  const lines = formatRows([KERNEL_ROW, NETWORK_ROW]).split("\n");
  assertEquals(lines.at(-2), "");
  assertStringIncludes(lines.at(-1)!, "12.9 GFLOP/s  error 4.3e-7  conv2d.broadcast");
});

Deno.test("a gradient is shown beside the evaluation, with and without checkpoints", () => {
  const [head, ...lines] = formatRows([GRADIENT_ROW]).split("\n");
  assertEquals(head, "unet-64, batch 1, 64x64: 7.83 M parameters");
  assertEquals(lines.map((line) => line.trim().split(/ {2,}/)), [
    [
      "forward",
      "200 ms (190 ms to 230 ms in 3)",
      "process 200 ms",
      "10.0 GFLOP",
      "activations 20.0 MB",
      "constants 77.0 MB",
    ],
    [
      "gradient",
      "460 ms (190 ms to 230 ms in 3) (2.30 x)",
      "process 470 ms (2.35 x)",
      "20.5 GFLOP (2.05 x)",
      "activations 44.0 MB (2.20 x)",
      "constants 149.0 MB",
    ],
    [
      "checkpointed",
      "600 ms (190 ms to 230 ms in 3) (3.00 x)",
      "process 610 ms (3.05 x)",
      "26.0 GFLOP (2.60 x)",
      "activations 35.0 MB (1.75 x)",
      "constants 149.0 MB",
    ],
  ]);
  const { milliseconds: _, processMilliseconds: __, ...planned } = GRADIENT_ROW;
  assertStringIncludes(formatRows([planned]), "forward       10.0 GFLOP  ");
});

Deno.test("bounds are told as ok or FAILED", () => {
  const rows = formatBounds(checkBounds({ ...NETWORK_ROW, peakProcessBytes: 600e6 })).split("\n");
  assertEquals(rows.map((row) => row.split(/ {2,}/)), [
    ["time per evaluation", "0.730 s", "under 1 s", "ok"],
    ["cold start", "3.00 s", "under 16 s", "ok"],
    ["peak memory of the process", "600 MB", "under 560 MB", "FAILED"],
    ["host time per replay", "1.20 ms", "under 5 ms", "ok"],
  ]);
});
