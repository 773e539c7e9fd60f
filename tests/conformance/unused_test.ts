import { assertEquals } from "@std/assert";
import { findings } from "../../conformance/findings.ts";
import { ReferenceFile } from "../../conformance/reference_file.ts";
import { gpuTest } from "../support/gpu.ts";
import { type Changes, goldenPath, having, openFile, rowsOfCopy } from "./reference_files.ts";

const COLORS = { keep: /^x$|^colorization\.|^mask\.mask$/, rename: { "mask.mask": "colorization.perm" } };

Deno.test("an input on which no operator depends is unused, and used where one does", async () => {
  const weighted = await rowsOfCopy("operators-32", {
    ...COLORS,
    metadata: { operators: JSON.stringify({ colorization: { weights: [0.3333, 0.3334, 0.3333] } }) },
  });
  assertEquals(having("unused", weighted).toSorted(), ["U", "V", "perm", "s"].map((part) => `colorization.${part}`));
  assertEquals([having("ok", weighted).length, weighted.length], [5, 9]);
  const decomposed = await rowsOfCopy("operators-32", { ...COLORS, metadata: { operators: "{}" } });
  assertEquals(having("unused", decomposed), ["colorization.perm"]);
  assertEquals(having("ok", decomposed).length, having("ok", weighted).length);
});

Deno.test("a parameter that an operation does not take is unused", async () => {
  const cases = JSON.stringify({ silu: { op: "silu" }, linear: { op: "linear" } });
  const outcome = await rowsOfCopy("ops-basic", {
    keep: /^(silu|linear)\.|^conv1x1\.bias$/,
    rename: { "conv1x1.bias": "silu.bias" },
    metadata: { cases },
  });
  assertEquals(having("unused", outcome), ["silu.bias"]);
  assertEquals(having("ok", outcome).toSorted(), ["linear.gx", "linear.y", "silu.gx", "silu.y"]);
});

Deno.test("inputs alone are nothing to compare", async () => {
  const outcome = await rowsOfCopy("operators-32", { keep: /^x$|\.perm$/, metadata: { operators: "{}" } });
  assertEquals(outcome.map(({ quantity, status }) => [quantity, status]), [["file", "FAILED"]]);
});

gpuTest(
  "the order of singular values that a trajectory does not ask for is unused, as is the true picture",
  async (runtime) => {
    const outcome = await rowsOfCopy("ssd-traj-ssd-colorization", {
      rename: { gt: "operator.perm" },
      metadata: { weights_file: goldenPath("unet-guided-a-tiny") },
    }, runtime);
    assertEquals(having("unused", outcome).includes("operator.perm"), true);
    assertEquals([...having("FAILED", outcome), ...having("not supported", outcome)], []);
  },
);

Deno.test("a quantity that the engine does not compute is never ok", async () => {
  using file = await ReferenceFile.open(goldenPath("operators-32"), openFile);
  const found = await Array.fromAsync(findings(file, [{ quantity: "x", limit: 1 }], () => Promise.resolve(new Map())));
  assertEquals(found.map(({ status }) => status), ["not supported"]);
  const copies: readonly (readonly [string, string, string, RegExp])[] = [
    ["operators-32", "colorization.Ax", "colorization.AAx", /^x$|^colorization\./],
    ["ops-basic", "silu.y", "silu.z", /^(silu|linear)\./],
    ["schedule-1000", "linear.betas", "linear.gammas", /^linear\.(betas|alphas_cumprod)$/],
  ];
  for (const [name, from, to, keep] of copies) {
    const rows = await rowsOfCopy(name, { keep, rename: { [from]: to } });
    const status = rows.find(({ quantity }) => quantity === to)?.status;
    assertEquals(status === "not supported" || status === "unused", true, `${to}: ${status}`);
  }
});

gpuTest("a state or activation that the engine does not compute is never ok", async (runtime) => {
  const changes: Changes = { metadata: { weights_file: goldenPath("unet-guided-a-tiny") } };
  const copies: readonly (readonly [string, string, string, Changes])[] = [
    ["ssd-traj-ddim-inversion", "x_t.2", "x_t.200", changes],
    ["ssd-traj-dds-inpainting", "x_t.2", "x_hat.2", changes],
    ["unet-guided-c-classcond", "act.middle_block", "act.middle_blocks", {}],
    ["unet-guided-c-classcond", "actstat.middle_block", "actstat.end_block", {}],
  ];
  for (const [name, from, to, changes] of copies) {
    const rows = await rowsOfCopy(name, { ...changes, rename: { [from]: to } }, runtime);
    assertEquals(rows.find(({ quantity }) => quantity === to)?.status, "not supported", `${name}: ${to}`);
  }
});

gpuTest("of the inputs of network calls the first is what the file gives, the others are computed", async (runtime) => {
  const rows = await rowsOfCopy("ssd-traj-ddnm-simplified-sr_average_x4", {
    rename: { gt: "x_in.0", "x_t.0": "x_in.1" },
    metadata: { weights_file: goldenPath("unet-guided-a-tiny") },
  }, runtime);
  const statusOf = (name: string): string | undefined => rows.find(({ quantity }) => quantity === name)?.status;
  assertEquals([statusOf("x_in.0"), statusOf("x_in.1")], ["unused", "ok"]);
});
