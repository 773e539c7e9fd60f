import { assertEquals } from "@std/assert";
import { verifyFiles } from "../../cli/verify.ts";
import { findings } from "../../cli/verify/findings.ts";
import { ReferenceFile } from "../../cli/verify/reference_file.ts";
import type { Row } from "../../cli/verify/row.ts";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { type Changes, goldenPath, writeCopy } from "./verify_files.ts";

interface Outcome {
  readonly code: number;
  readonly lines: readonly string[];
  /** Status of each row by its quantity. */
  readonly statuses: Readonly<Record<string, Row["status"]>>;
}

/** Verifies a changed copy of a recorded file. */
async function verifyCopy(name: string, changes: Changes, runtime: Runtime = new ReferenceRuntime()): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    const path = await writeCopy(goldenPath(name), `${folder}/copy.safetensors`, changes);
    const [objects, lines]: [string[], string[]] = [[], []];
    const code = await verifyFiles(runtime, [path], { json: true, print: (line) => objects.push(line) });
    await verifyFiles(runtime, [path], { json: false, print: (line) => lines.push(line) });
    const rows: readonly Row[] = objects.slice(0, -1).map((line) => JSON.parse(line));
    return { code, lines, statuses: Object.fromEntries(rows.map(({ quantity, status }) => [quantity, status])) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Quantities with one status. */
function having(status: Row["status"], { statuses }: Outcome): readonly string[] {
  return Object.keys(statuses).filter((quantity) => statuses[quantity] === status).toSorted();
}

const COLORS = { keep: /^x$|^colorization\.|^mask\.mask$/, rename: { "mask.mask": "colorization.perm" } };

Deno.test("an input on which no operator depends is unused, and used where one does", async () => {
  const weighted = await verifyCopy("operators-32", {
    ...COLORS,
    metadata: { operators: JSON.stringify({ colorization: { weights: [0.3333, 0.3334, 0.3333] } }) },
  });
  assertEquals(having("unused", weighted), ["U", "V", "perm", "s"].map((part) => `colorization.${part}`));
  assertEquals(weighted.code, 0);
  assertEquals(weighted.lines.at(-1), "5 ok, 0 FAILED, 0 not supported, 4 unused, on CPU reference");
  const decomposed = await verifyCopy("operators-32", { ...COLORS, metadata: { operators: "{}" } });
  assertEquals(having("unused", decomposed), ["colorization.perm"]);
  assertEquals(having("ok", decomposed).length, having("ok", weighted).length);
});

Deno.test("a parameter that an operation does not take is unused", async () => {
  const cases = JSON.stringify({ silu: { op: "silu" }, linear: { op: "linear" } });
  const outcome = await verifyCopy("ops-basic", {
    keep: /^(silu|linear)\.|^conv1x1\.bias$/,
    rename: { "conv1x1.bias": "silu.bias" },
    metadata: { cases },
  });
  assertEquals(having("unused", outcome), ["silu.bias"]);
  assertEquals(having("ok", outcome), ["linear.gx", "linear.y", "silu.gx", "silu.y"]);
});

Deno.test("inputs alone are nothing to compare", async () => {
  const outcome = await verifyCopy("operators-32", { keep: /^x$|\.perm$/, metadata: { operators: "{}" } });
  assertEquals(outcome.statuses, { file: "FAILED" });
});

gpuTest(
  "the order of singular values that a trajectory does not ask for is unused, as is the true picture",
  async (runtime) => {
    const outcome = await verifyCopy("ssd-traj-ssd-colorization", {
      rename: { gt: "operator.perm" },
      metadata: { weights_file: goldenPath("unet-guided-a-tiny") },
    }, runtime);
    assertEquals(having("unused", outcome).includes("operator.perm"), true);
    assertEquals([...having("FAILED", outcome), ...having("not supported", outcome)], []);
  },
);

Deno.test("a quantity that the engine does not compute is never ok", async () => {
  const file = await ReferenceFile.open(goldenPath("operators-32"));
  using _ = file;
  const found = await Array.fromAsync(findings(file, [{ quantity: "x", limit: 1 }], () => Promise.resolve(new Map())));
  assertEquals(found.map(({ status }) => status), ["not supported"]);
  const copies: readonly (readonly [string, string, string, RegExp])[] = [
    ["operators-32", "colorization.Ax", "colorization.AAx", /^x$|^colorization\./],
    ["ops-basic", "silu.y", "silu.z", /^(silu|linear)\./],
    ["schedule-1000", "linear.betas", "linear.gammas", /^linear\.(betas|alphas_cumprod)$/],
  ];
  for (const [name, from, to, keep] of copies) {
    const { statuses } = await verifyCopy(name, { keep, rename: { [from]: to } });
    assertEquals(statuses[to] === "not supported" || statuses[to] === "unused", true, `${to}: ${statuses[to]}`);
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
    const { statuses } = await verifyCopy(name, { ...changes, rename: { [from]: to } }, runtime);
    assertEquals(statuses[to], "not supported", `${name}: ${to}`);
  }
});
