/** Numbers of products, convolutions and attention from subgroup matrices, where Dawn and a device with them are there. */
import { assert, assertEquals } from "@std/assert";
import type { MatrixLine } from "./subgroup_matrix_program.ts";

/** Factors lose up to 2^-11 of themselves, 3e-4 on average; sums are in single precision. */
const HALF_LIMIT = 5e-4;

/**
 * Odd sizes, channels that come in fours and not, an image in two parts, a shift and a residual; the program alone, without
 * arguments, tries every example.
 */
const NAMES = ["matmul:4", "conv2d:13", "conv2d:18", "attention:0", "extremes"];

Deno.test("subgroup matrices match the references, clamp what halves cannot hold and leave out what is beyond k", async () => {
  const program = new URL("subgroup_matrix_program.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = [
    "run",
    "-q",
    "--no-check",
    "--no-prompt",
    "--config",
    config,
    "--allow-read",
    "--allow-env",
    "--allow-ffi",
  ];
  const command = new Deno.Command(Deno.execPath(), { args: [...args, program, ...NAMES], stdin: "null" });
  const { stdout, stderr, success } = await command.output();
  const text = new TextDecoder();
  assert(success, text.decode(stderr));
  const lines = text.decode(stdout).trim().split("\n").map((line): MatrixLine => JSON.parse(line));
  const [first] = lines;
  if (first && "skipped" in first) {
    // deno-lint-ignore no-console -- a skipped test must say why
    console.log(`Numbers of subgroup matrices are not tested: ${first.skipped}`);
    return;
  }
  assertEquals(lines.map((line) => "name" in line && line.name), NAMES);
  for (const line of lines) {
    if ("errors" in line) {
      assert(line.errors.every((error) => error > 1e-5 && error < HALF_LIMIT), `${line.name}: ${line.errors}`);
      assert(line.labels.some((label) => label.includes("matrix-f16")), `${line.name}: ${line.labels}`);
    } else if ("clamped" in line) {
      assertEquals([line.clamped, line.areFinite], [[32752, -32752], true]);
    }
  }
});
