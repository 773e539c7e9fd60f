/** What the rows of `verify` may say: "ok" is kept for what was computed, compared and close. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { verifyFiles } from "../../cli/verify.ts";
import { findings } from "../../conformance/findings.ts";
import { ReferenceFile } from "../../conformance/reference_file.ts";
import { compare, compareList, type Finding, measured, NotSupportedError, refusal } from "../../conformance/row.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { safetensorsBytes } from "../../models/mod.ts";
import { type Folder, withFolder } from "../cli/run_command.ts";
import { goldenPath, openFile, writeCopy } from "./reference_files.ts";

Deno.test("what the engine does not do is not supported, all else that goes wrong is a failure", () => {
  assertEquals(refusal("q", new NotSupportedError("no such sampler")), {
    quantity: "q",
    status: "not supported",
    reason: "no such sampler",
  });
  assertEquals(refusal("q", new TypeError("broken")), { quantity: "q", status: "FAILED", reason: "broken" });
});

Deno.test("an error is ok up to its limit, and a value that is no number never is", () => {
  const statuses = [0, 0.5, 0.50001, NaN, Infinity].map((error) => measured("q", error, 0.5).status);
  assertEquals(statuses, ["ok", "ok", "FAILED", "FAILED", "FAILED"]);
  for (const error of [NaN, Infinity, -Infinity]) {
    assertEquals(measured("q", error, 0.5).reason, "a value is not finite");
  }
});

Deno.test("numbers are compared with those of the file, of one shape and relative to their size", () => {
  const values = (...data: number[]): { data: number[]; shape: number[] } => ({ data, shape: [data.length] });
  const { error, ...close } = compare("q", values(3, 4.0625), values(3, 4), 0.0125);
  assertEquals([error, close], [0.0125, { quantity: "q", limit: 0.0125, status: "ok" }]);
  assertEquals(compare("q", values(3, 4.1), values(3, 4), 0.01).status, "FAILED");
  assertEquals(compare("q", values(3), values(3, 4), 1).status, "FAILED");
  assertEquals(compareList("q", [1, 2, 3], [1, 2, 4], 0).status, "FAILED");
  assertEquals(compareList("q", [1, 2, 4], [1, 2, 4], 0).status, "ok");
});

async function withFile(body: (file: ReferenceFile, folder: Folder) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const tensors = ["a", "b"].map((name) => ({
      name,
      dtype: "F32" as const,
      shape: [2],
      data: Float32Array.of(1, 2),
    }));
    const bytes = await safetensorsBytes({ tensors, metadata: new Map([["kind", "ops"]]) });
    using file = await ReferenceFile.open(folder.write("file.safetensors", bytes), openFile);
    await body(file, folder);
  });
}

async function rowsOf(
  file: ReferenceFile,
  compute: () => Promise<ReadonlyMap<string, { readonly data: Float32Array; readonly shape: number[] }>>,
): Promise<readonly Finding[]> {
  return await Array.fromAsync(
    findings(file, ["a", "b"].map((quantity) => ({ quantity, limit: 1e-6 })), compute),
  );
}

Deno.test("a quantity that the engine does not give has a row that says so", async () => {
  await withFile(async (file) => {
    const rows = await rowsOf(
      file,
      () => Promise.resolve(new Map([["a", { data: Float32Array.of(1, 2), shape: [2] }]])),
    );
    assertEquals(rows.map(({ quantity, status }) => [quantity, status]), [["a", "ok"], ["b", "not supported"]]);
  });
});

Deno.test("where nothing can be computed every quantity has a row with the reason", async () => {
  await withFile(async (file) => {
    const rows = await rowsOf(file, () => Promise.reject(new TypeError("no weights")));
    assertEquals(rows.map(({ quantity, status, reason }) => [quantity, status, reason]), [
      ["a", "FAILED", "no weights"],
      ["b", "FAILED", "no weights"],
    ]);
  });
});

Deno.test("the table shows why a row is not ok", async () => {
  await withFile(async (_file, folder) => {
    const lines: string[] = [];
    const options = { json: false, print: (line: string): void => void lines.push(line) };
    const code = await verifyFiles(new ReferenceRuntime(), [folder.path("file.safetensors")], options);
    assertEquals(code !== 0, true);
    assertStringIncludes(lines.join("\n"), ": ");
    assertEquals(lines.slice(1, -1).some((line) => line.endsWith("  ok")), false, lines.join("\n"));
  });
});

Deno.test("the table says FAILED of a row whose error is beyond its limit", async () => {
  await withFolder(async (folder) => {
    const altered = await writeCopy(goldenPath("schedule-1000"), folder.path("altered.safetensors"), {
      keep: /^linear\.(betas|alphas_cumprod)$/,
      alter: ["linear.betas"],
    });
    const lines: string[] = [];
    const options = { json: false, print: (line: string): void => void lines.push(line) };
    assertEquals(await verifyFiles(new ReferenceRuntime(), [altered], options), 1);
    const statusOf = (quantity: string): string | undefined =>
      lines.find((line) => line.includes(`  ${quantity} `))?.split("  ").at(-1);
    assertEquals([statusOf("linear.betas"), statusOf("linear.alphas_cumprod")], ["FAILED", "ok"]);
  });
});
