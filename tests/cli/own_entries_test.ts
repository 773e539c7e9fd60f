/** Three files from outside - an operator, a sampler, a family of networks - meet in every command. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { registerFamily, safetensorsBytes } from "../../models/mod.ts";
import { registerOperator } from "../../operators/mod.ts";
import { registerSampler } from "../../samplers/mod.ts";
import { randomTensorsOf } from "../models/random_checkpoint.ts";
import { twoLayers } from "../support/own_family.ts";
import { fadedEntry } from "../support/own_operator.ts";
import { fading } from "../support/own_sampler.ts";
import { commandTest, readReport, runWell } from "./run_command.ts";

commandTest(
  "help, restore, evaluate and profile know an operator, a sampler and a family from outside",
  async (folder) => {
    using _operator = registerOperator(fadedEntry);
    using _sampler = registerSampler(fading);
    using _family = registerFamily(twoLayers);
    for (const command of ["restore", "evaluate", "profile"]) {
      const help = (await runWell([command, "--help"])).stdout.replaceAll(/\s+/g, " ");
      for (const text of ["brighten", "own-fading fades to gray", "--clock seen|unseen"]) {
        assertStringIncludes(
          help,
          text,
        );
      }
    }
    // No image size is a keyword of the file, so all that is open is answered on the command line.
    const { parameters } = twoLayers.plan({ image_size: 16, width: 8 });
    const file = folder.write("own.safetensors", await safetensorsBytes({ tensors: randomTensorsOf(parameters, 3) }));
    const answers = ["--image-size", "16", "--clock", "seen", "--schedule", "linear", "--diffusion-steps", "1000"];
    const model = ["--model", file, ...answers, "--value-range=-1..1"];
    const picture = folder.picture("x.png", { width: 16, height: 16 });
    const [out, study, rows] = [folder.path("out.png"), folder.path("study"), folder.path("rows.json")];
    const both = ["--task", "brighten", "--method", "own-fading", "--pull", "0.25"];
    await runWell(["restore", picture, "--degrade", ...both, "--out", out, ...model]);
    const report = readReport(out) as Record<"task" | "method" | "model", { readonly name: string }>;
    assertEquals([report.task.name, report.method.name, report.model.name], [
      "brighten",
      "own_fading",
      "own.safetensors",
    ]);
    await runWell(["evaluate", picture, "--tasks", "brighten", "--methods", "own-fading", "--out", study, ...model]);
    assertStringIncludes(await Deno.readTextFile(`${study}/results.csv`), "brighten,own-fading");
    await runWell(["profile", ...both, "--size", "16", "--runs", "1", "--json", rows, ...model]);
    type Named = { readonly name: string };
    const profile = JSON.parse(await Deno.readTextFile(rows)) as { readonly sampler: Named; readonly operator: Named };
    assertEquals([profile.sampler.name, profile.operator.name], ["own_fading", "fade"]);
  },
);
