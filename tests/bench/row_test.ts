import { assert, assertEquals, assertMatch } from "@std/assert";
import { describeProcessor, originOf, recordRow, resultsFile } from "../../bench/row.ts";
import { KERNEL_ROW, NETWORK_ROW } from "./sample_rows.ts";

Deno.test("resultsFile() makes a file name of an adapter", () => {
  assertEquals(resultsFile("llvmpipe (LLVM 15.0.6, 256 bits)"), "llvmpipe-llvm-15-0-6-256-bits.jsonl");
  assertEquals(resultsFile("../NVIDIA H200"), "nvidia-h200.jsonl");
});

Deno.test("describeProcessor() tells processors of one name apart", () => {
  const facts = (flags: string): string =>
    `processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: Some CPU\nflags\t\t: fpu ${flags} sse\n`;
  assertEquals(describeProcessor("Some CPU", facts("avx2")), "Some CPU (family 25, model 1, AVX2)");
  assertEquals(describeProcessor("Some CPU", facts("avx2 avx512f")), "Some CPU (family 25, model 1, AVX-512)");
  assertEquals(describeProcessor("Some CPU", facts("avx")), "Some CPU (family 25, model 1)");
  assertEquals(describeProcessor("Some CPU", ""), "Some CPU");
});

Deno.test("recordRow() appends one line of JSON for each row to the file of its adapter", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const results = new URL("results/", `file://${folder}/`);
    await recordRow(NETWORK_ROW, results);
    await recordRow(KERNEL_ROW, results);
    const text = await Deno.readTextFile(new URL("some-gpu-1-2-8-bits.jsonl", results));
    const lines = text.split("\n");
    assertEquals(lines.pop(), "");
    assertEquals(lines.map((line) => JSON.parse(line)), [NETWORK_ROW, KERNEL_ROW]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("originOf() says when, on what and with which program", async () => {
  const origin = await originOf({ adapter: "Some GPU", features: ["subgroups"] });
  assertEquals([origin.adapter, origin.features, origin.deno], ["Some GPU", ["subgroups"], Deno.version.deno]);
  assertEquals([origin.tuned, (await originOf({ adapter: "", features: [], tuned: 3 })).tuned], [0, 3]);
  assertMatch(origin.date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertMatch(origin.commit, /^([0-9a-f]{12}(-dirty)?|unknown)$/);
  assert(origin.cpus >= 1 && origin.cpu.length > 0 && origin.os.startsWith(Deno.build.os));
});
