/** The studies that come with the project: plans of two pictures with the embedded prior, before anything runs. */
import { assert, assertEquals } from "@std/assert";
import { Arguments } from "../../cli/arguments.ts";
import { EVALUATE } from "../../cli/evaluate.ts";
import { identifyModel, readFoundStudy, TASK_FILES } from "../../cli/evaluate_inputs.ts";
import { listPictures } from "../../cli/pictures.ts";
import { labelsOf, makePlan, type Work } from "../../evaluation/mod.ts";
import { knownCheckpoint } from "../../models/mod.ts";

const FOLDER = new URL("../../evaluation/studies/", import.meta.url).pathname;

/** Pairs that cannot be by the nature of the method, by study, as "method on task". Those of "*" are not looked at. */
const IMPOSSIBLE: Readonly<Record<string, readonly string[]>> = {
  // Mirrored borders leave no decomposition in closed form.
  "dps": ["DDRM on Gaussian blur", "DDRM on Motion blur"],
  // Where the measurement is no smaller picture.
  "photographs": ["Bicubic on Noise 25/255", "Bicubic on Deblurring", "Bicubic on Random half"],
  "prior": ["Bicubic on Deblurring", "Bicubic on Box", "Bicubic on Random half", "Bicubic on Colour"],
};

/** Studies of all methods, whose pairs are held by tests of their own. */
const OF_ALL = ["every-method", "frontier"];

async function workOf(name: string): Promise<Work> {
  const pictures = name === "photographs" ? [`${FOLDER}held_out`] : [];
  const args = new Arguments(pictures, { config: `${FOLDER}${name}.json`, limit: 2 });
  const { study } = await readFoundStudy(args, EVALUATE.spec.options);
  const found = await listPictures(study.images, 2);
  return await makePlan(study, await identifyModel(args), found, TASK_FILES);
}

const NAMES = (await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => name))
  .flatMap((name) => /^(.*)\.json$/.exec(name)?.[1] ?? [])
  .sort();

for (const name of NAMES.filter((name) => !OF_ALL.includes(name))) {
  Deno.test(`the study ${name} can be carried out with the embedded prior, and what it expects is measured`, async () => {
    const { plan } = await workOf(name);
    const nameOf = (place: { readonly task: number; readonly method: number }): string => {
      const { task, method } = labelsOf(plan, place);
      return `${method} on ${task}`;
    };
    assertEquals(plan.notApplicable.map(nameOf), IMPOSSIBLE[name] ?? []);
    const runs = plan.seeds === "each" ? 1 : plan.seeds.length;
    const images = Math.min(2, plan.images.length);
    assertEquals(plan.units.length, plan.pairs.length * images * runs);
    assertEquals(
      new Set(await Array.fromAsync(plan.units, ({ id }) => id)).size,
      plan.units.length,
      "every unit is another one",
    );
    const possible = plan.pairs.map(nameOf);
    const { papers = [], trends } = plan.expectations;
    for (const { checkpoints, rows, source } of papers) {
      for (const checkpoint of checkpoints) assert(knownCheckpoint(checkpoint), `${source}: ${checkpoint}`);
      const figures = rows.map(({ method, task }) => `${method} on ${task}`);
      assertEquals(figures.filter((pair) => !possible.includes(pair)), [], source);
      assertEquals(new Set(figures).size, figures.length, `${source}: each pair has one row`);
      for (const { values, method } of rows) {
        assert(Object.keys(values).length > 0, `${source}: ${method} has figures`);
        const { psnr = 20, ssim = 0.5, lpips = 0.5, fid = 50 } = values;
        assert(
          psnr > 10 && psnr < 50 && ssim > 0 && ssim < 1 && lpips > 0 && lpips < 1 && fid > 0,
          `${source}: ${method}`,
        );
      }
    }
    for (const { rising, task, method, statement } of trends) {
      const pairs = rising.map((label) => task === undefined ? `${method} on ${label}` : `${label} on ${task}`);
      assertEquals(pairs.filter((pair) => !possible.includes(pair)), [], statement);
    }
  });
}

Deno.test("there is a ready study for each published protocol", () => {
  const needed = [
    ["ssd-table-1", "noisy-tasks", "quality-nfe", "inversion-variants", "inpainting", "predicted-noise"],
    ["eta-sweep", "extreme-enlargement", "daps", "daps-phase", "ddnm", "dps", "dds", "frugal"],
  ].flat();
  assertEquals(needed.filter((name) => !NAMES.includes(name)), []);
});

Deno.test("the chain of DAPS has the published length and number of steps on each task", async () => {
  const { plan, pairs } = await workOf("daps");
  const chains = plan.pairs.flatMap((place) => {
    const { task, method } = labelsOf(plan, place);
    if (method !== "DAPS") return [];
    const { chainRate, chainSteps } = pairs.get(`${place.task}/${place.method}`)!.method.options as {
      chainRate: number;
      chainSteps: number;
    };
    return [[task, chainRate, chainSteps]];
  });
  assertEquals(chains, [
    ["SR x4", 1e-4, 100],
    ["Box", 5e-5, 100],
    ["Random", 1e-4, 100],
    ["Gaussian blur", 1e-4, 100],
    ["Motion blur", 5e-5, 100],
    ["HDR", 2e-5, 100],
    ["Nonlinear blur", 1e-5, 200],
  ]);
});

Deno.test("the ablations of the inversion neither project nor draw noise after it, which would hide what they are of", async () => {
  for (const [name, count] of [["inversion-variants", 2], ["eta-sweep", 6]] as const) {
    const args = new Arguments([], { config: `${FOLDER}${name}.json` });
    const { study: { methods } } = await readFoundStudy(args, EVALUATE.spec.options);
    for (const { options } of methods.slice(0, count)) {
      assertEquals([options["method"], options["stop-timestep"], options["ddim-eta"]], ["ssd+", 550, 0]);
    }
  }
});
