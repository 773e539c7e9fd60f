/** The noise of a measurement reaches the sampler, from the file or from the command line. */
import { assert, assertEquals } from "@std/assert";
import { commandTest, type Folder, runWell } from "./run_command.ts";

/** The bytes of a picture that is restored by a method for noisy measurements. */
async function restored(folder: Folder, input: string, ...options: readonly string[]): Promise<Uint8Array> {
  const out = folder.path("out.png");
  await runWell(["restore", input, "--out", out, "--method", "ddrm", "--steps", "4", ...options]);
  return await Deno.readFile(out);
}

commandTest("restore takes the noise level that a measurement brings, unless another is given", async (folder) => {
  const y = folder.path("y.safetensors");
  await runWell(["degrade", folder.picture("x.png", {}), y, "--task", "sr2", "--sigma-y", "0.3"]);
  const own = await restored(folder, y);
  assertEquals(await restored(folder, y, "--noise-level", "0.3"), own);
  const without = await restored(folder, y, "--noise-level", "0");
  assert(
    own.length !== without.length || own.some((byte, i) => byte !== without[i]),
    "the noise of the file is ignored",
  );
});
