import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseCommand } from "../../cli/arguments.ts";
import { VERIFY, verifyFiles } from "../../cli/verify.ts";
import type { Row } from "../../conformance/mod.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { type Changes, goldenPath, tensorNames, writeCopy } from "../conformance/reference_files.ts";

interface Outcome {
  readonly code: number;
  readonly rows: readonly Row[];
  readonly summary: Readonly<Record<string, unknown>>;
}

async function verify(paths: readonly string[]): Promise<Outcome> {
  const lines: string[] = [];
  const code = await verifyFiles(new ReferenceRuntime(), paths, { json: true, print: (line) => lines.push(line) });
  const objects = lines.map((line) => JSON.parse(line));
  return { code, rows: objects.slice(0, -1), summary: objects.at(-1).summary };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Verifies a changed copy of a recorded file. */
async function verifyCopy(name: string, changes: Changes): Promise<Outcome> {
  let outcome: Outcome | undefined;
  await inFolder(async (folder) => {
    const path = await writeCopy(goldenPath(name), `${folder}/copy.safetensors`, changes);
    outcome = await verify([path]);
  });
  return outcome!;
}

Deno.test("files that cannot be verified are one row each, and the others still run", async () => {
  await inFolder(async (folder) => {
    const write = async (name: string, bytes: Uint8Array): Promise<string> => {
      await Deno.writeFile(`${folder}/${name}`, bytes);
      return `${folder}/${name}`;
    };
    const schedule = goldenPath("schedule-1000");
    const whole = await Deno.readFile(schedule);
    const keep = /^ddnm/;
    const paths = [
      `${folder}/missing.safetensors`,
      folder,
      await write("empty.safetensors", new Uint8Array()),
      await write("text.safetensors", new TextEncoder().encode("not a file of tensors at all")),
      await write("cut.safetensors", whole.subarray(0, whole.length - 100)),
      await writeCopy(schedule, `${folder}/unknown.safetensors`, { keep, metadata: { kind: "symphony" } }),
      await writeCopy(schedule, `${folder}/nameless.safetensors`, { keep, metadata: { kind: undefined } }),
      await writeCopy(schedule, `${folder}/hollow.safetensors`, { keep: /^$/ }),
      await writeCopy(schedule, `${folder}/good.safetensors`, { keep }),
    ];
    const { code, rows, summary } = await verify(paths);
    assertEquals(rows.map(({ file }) => file), paths);
    const failed = (count: number): readonly string[] => new Array<string>(count).fill("FAILED");
    assertEquals(rows.map(({ status }) => status), [...failed(5), "not supported", ...failed(2), "ok"]);
    for (const { quantity, reason } of rows.slice(0, -1)) assert(quantity === "file" && reason, reason);
    assertStringIncludes(rows[5]!.reason!, '"symphony"');
    assertEquals(code, 1);
    assertEquals(summary, {
      files: 9,
      ok: 1,
      failed: 7,
      notSupported: 1,
      unused: 0,
      adapter: "CPU reference",
      exitCode: 1,
    });
  });
});

Deno.test("the exit code is 0 where all agree, 3 where something is not supported, 1 where something fails", async () => {
  const keep = /^ddnm/;
  assertEquals((await verifyCopy("schedule-1000", { keep })).code, 0);
  const rename = { "ddnm.alphas_cumprod_f32": "score_sde.alphas" };
  assertEquals((await verifyCopy("schedule-1000", { keep, rename })).code, 3);
  assertEquals(
    (await verifyCopy("schedule-1000", { keep: /^(ddnm|linear.betas)/, rename, alter: ["linear.betas"] })).code,
    1,
  );
});

Deno.test("unused inputs are counted in the last line and fail nothing", async () => {
  const lines: string[] = [];
  await inFolder(async (folder) => {
    const path = await writeCopy(goldenPath("operators-32"), `${folder}/copy.safetensors`, {
      keep: /^x$|^colorization\./,
      metadata: { operators: JSON.stringify({ colorization: { weights: [0.3333, 0.3334, 0.3333] } }) },
    });
    const code = await verifyFiles(new ReferenceRuntime(), [path], { json: false, print: (line) => lines.push(line) });
    assertEquals(code, 0);
  });
  assertEquals(lines.at(-1), "5 ok, 0 FAILED, 0 not supported, 3 unused, on CPU reference");
});

Deno.test("the table aligns its columns and ends with the counts and the adapter", async () => {
  const lines: string[] = [];
  const path = goldenPath("schedule-1000");
  await verifyFiles(new ReferenceRuntime(), [path], { json: false, print: (line) => lines.push(line) });
  const [head, ...rows] = lines.slice(0, -1);
  const statusColumn = head!.indexOf("status");
  assertEquals(rows.filter((row) => row.slice(statusColumn) !== "ok"), []);
  assertEquals(rows.length, (await tensorNames(path)).length);
  assert(rows.every((row) => row.startsWith(path)));
  assertEquals(lines.at(-1), `${rows.length} ok, 0 FAILED, 0 not supported, on CPU reference`);
});

Deno.test("verify takes one or more files and knows its options", () => {
  const args = parseCommand(VERIFY.spec, ["a.safetensors", "b.safetensors", "--json", "--cpu"]);
  assert(args !== "help" && args.flag("json") && args.flag("cpu"));
  assertEquals(args.operands, ["a.safetensors", "b.safetensors"]);
});
