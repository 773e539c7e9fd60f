import { assert, assertEquals } from "@std/assert";
import { browserTest, openEngine } from "./chromium.ts";
import { workerOf } from "./visit.ts";

/** More kernels than this must have been compiled, else the compiler was not asked. */
const LEAST_KERNELS = 100;

/** How the prior is used: without gradients of the network, and with them. */
const RUNS = [{ method: "ssd", steps: 4 }, { method: "dps", steps: 2 }];

/** Restores the sample in each way, and compares the adapter with recorded runs. */
const PROGRAM = `(async () => {
  const { id: picture } = await engine.read("portrait");
  for (const run of ${JSON.stringify(RUNS)}) {
    const options = { task: "sr4", ...run, degrade: true };
    await engine.restore({ picture, options, seed: 0, samples: 1 });
  }
  const files = [];
  await engine.verify(comlink.proxy((file) => void files.push(file)));
  return files.map(({ file, quantities }) => ({
    file,
    equal: quantities.filter(({ outcome }) => outcome === "equal").length,
    different: quantities.filter(({ outcome }) => outcome === "different").map(({ name, error }) => name + ": " + error),
  }));
})()`;

browserTest(
  "the browser's compiler says nothing of any kernel, neither of the prior's nor of those that compare the adapter",
  async (opened) => {
    const page = await opened.page();
    await openEngine(page, `http://localhost:${opened.port}/`);
    const files = await page.evaluate(PROGRAM) as readonly {
      readonly file: string;
      readonly equal: number;
      readonly different: readonly string[];
    }[];
    for (const { file, equal, different } of files) {
      assert(equal > 0, file);
      assertEquals(different, [], file);
    }
    const said = await workerOf(page).evaluate("Promise.all(watched.compilations)") as readonly string[][];
    const pipelines = await workerOf(page).evaluate("watched.pipelines") as number;
    assertEquals(said.flat(), []);
    assert(said.length >= pipelines && pipelines > LEAST_KERNELS, `${pipelines} kernels were compiled`);
  },
);
