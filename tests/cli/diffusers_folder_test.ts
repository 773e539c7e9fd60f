/** Commands on the folder of a diffusers model: nothing is asked, and what is assumed is said. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commandTest, runCommand, runWell } from "./run_command.ts";

const HEADS = new URL("../golden/diffusers-heads-tiny", import.meta.url).pathname;
const CELEBA = new URL("../golden/diffusers-celebahq-tiny", import.meta.url).pathname;

commandTest("restore takes the folder of a diffusers model without other options", async (folder) => {
  const picture = folder.picture("small.png", { width: 12, height: 12 });
  const words = ["restore", picture, folder.path("large.png"), "--task", "sr2", "--steps", "4", "--model", HEADS];
  const { stderr } = await runWell(words);
  assertStringIncludes(stderr, "Model diffusers-heads-tiny (0.1 M parameters)");
  assertStringIncludes(stderr, "Its weights are the variant fp16");
  assertStringIncludes(stderr, "The network (v_prediction) was trained on 1000 timesteps of its own");
  assert(folder.list().includes("large.png"));
});

commandTest("inspect and convert take the same folder, and the converted file says all itself", async (folder) => {
  const found = JSON.parse((await runWell(["models", "inspect", CELEBA, "--json"])).stdout);
  assertEquals(found.config.attention_names, "query");
  const output = folder.path("celeba.safetensors");
  const { stderr } = await runWell(["convert", CELEBA, output]);
  assertStringIncludes(stderr, "Its scheduler does not say what is predicted: noise (epsilon) is assumed");
  const converted = JSON.parse((await runWell(["models", "inspect", output, "--json"])).stdout);
  assertEquals(converted.config, found.config);
  const { code, stderr: refused } = await runCommand(["models", "inspect", CELEBA, "--image-size", "32"]);
  assertEquals(code, 1);
  assertStringIncludes(refused, "imageSize is given, which the configuration beside it says; leave it out");
});
