import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseCommand, UsageError } from "../../cli/arguments.ts";
import { openRuntime } from "../../cli/runtime.ts";
import { VERIFY, verifyFiles } from "../../cli/verify.ts";
import { CONVOLUTION_ALGORITHMS } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { goldenPath } from "./verify_files.ts";

for (const algorithm of CONVOLUTION_ALGORITHMS.filter((name) => name !== "implicit-f16")) {
  gpuTest(`verify --convolution ${algorithm}: a network agrees with its recorded activations`, async () => {
    const args = parseCommand(VERIFY.spec, ["--convolution", algorithm, "x.safetensors"]);
    assert(args !== "help");
    const runtime = await openRuntime(args);
    try {
      const lines: string[] = [];
      const path = goldenPath("unet-guided-b-noscaleshift");
      await verifyFiles(runtime, [path], { json: true, print: (line) => lines.push(line) });
      const rows = lines.slice(0, -1).map((line) => JSON.parse(line));
      assertEquals(rows.filter(({ status }) => status === "FAILED"), []);
      assert(rows.filter(({ status }) => status === "ok").length > 10);
      const labels = [...runtime.statistics().plans.values()].flatMap(({ dispatches }) =>
        dispatches.map(({ label }) => label)
      );
      for (const name of ["implicit", "winograd2", "winograd4"]) {
        assertEquals(labels.some((label) => label.startsWith(`conv2d.${name}`)), name === algorithm, name);
      }
    } finally {
      runtime.destroy();
    }
  });
}

Deno.test("--convolution refuses a name that is no algorithm", () => {
  assertThrows(() => parseCommand(VERIFY.spec, ["--convolution", "fft", "x.safetensors"]), UsageError, "winograd4");
});
