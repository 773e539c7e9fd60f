import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseCommand } from "../../cli/arguments.ts";
import { UsageError } from "../../parameters/mod.ts";
import { openRuntime, precisionOf } from "../../cli/runtime.ts";
import type { Row } from "../../conformance/mod.ts";
import { VERIFY, verifyFiles } from "../../cli/verify.ts";
import { CONVOLUTION_ALGORITHMS } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { goldenPath } from "../conformance/reference_files.ts";

for (const algorithm of CONVOLUTION_ALGORITHMS.filter((name) => !name.endsWith("-f16"))) {
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

for (const algorithm of CONVOLUTION_ALGORITHMS.filter((name) => !name.endsWith("-f16"))) {
  gpuTest(
    `verify --convolution ${algorithm} --precision f16: a network keeps the bound of rounded weights`,
    async () => {
      const args = parseCommand(VERIFY.spec, ["--convolution", algorithm, "--precision", "f16", "x.safetensors"]);
      assert(args !== "help");
      const runtime = await openRuntime(args);
      try {
        const lines: string[] = [];
        const options = { precision: precisionOf(args), json: true, print: (line: string) => lines.push(line) };
        await verifyFiles(runtime, [goldenPath("unet-guided-c-classcond")], options);
        const rows: Row[] = lines.slice(0, -1).map((line) => JSON.parse(line));
        assertEquals(rows.filter(({ status }) => status === "FAILED"), []);
        assert(rows.filter(({ error, limit }) => error! > 1e-5 && limit === 4 * 2 ** -11).length > 10);
        const labels = [...runtime.statistics().plans.values()].flatMap(({ dispatches }) =>
          dispatches.map(({ label }) => label)
        );
        for (const name of ["winograd2", "winograd4"]) {
          assertEquals(labels.some((label) => label.startsWith(`conv2d.${name}`)), name === algorithm, name);
        }
      } finally {
        runtime.destroy();
      }
    },
  );
}

Deno.test("--convolution refuses a name that is no algorithm", () => {
  assertThrows(() => parseCommand(VERIFY.spec, ["--convolution", "fft", "x.safetensors"]), UsageError, "winograd4");
});

gpuTest("verify --precision f16: rounded weights show in the errors, which stay within the bound", async (runtime) => {
  const verified = async (precision: "f32" | "f16"): Promise<readonly Row[]> => {
    const lines: string[] = [];
    const path = goldenPath("unet-guided-c-classcond");
    await verifyFiles(runtime, [path], { precision, json: true, print: (line) => lines.push(line) });
    const rows: Row[] = lines.slice(0, -1).map((line) => JSON.parse(line));
    assertEquals(rows.filter(({ status }) => status === "FAILED"), []);
    return rows.filter(({ quantity }) => quantity === "output");
  };
  const [single, half] = [await verified("f32"), await verified("f16")];
  assertEquals([single[0]?.limit, half[0]?.limit], [1e-4, 4 * 2 ** -11]);
  assert(single[0]!.error! < 1e-5, `${single[0]!.error}`);
  assert(half[0]!.error! > 1e-4 && half[0]!.error! < 1e-3, `${half[0]!.error}`);
});

Deno.test("--precision says how weights are kept, f32 by default, and refuses what it does not know", () => {
  const asked = (...words: string[]): string => {
    const args = parseCommand(VERIFY.spec, [...words, "x.safetensors"]);
    assert(args !== "help");
    return precisionOf(args);
  };
  assertEquals([asked(), asked("--precision", "f32"), asked("--precision", "f16")], ["f32", "f32", "f16"]);
  assertThrows(() => asked("--precision", "int8"), UsageError, "one of f32, f16 is needed");
});
