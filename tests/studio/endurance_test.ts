import { assert, assertEquals } from "@std/assert";
import { quickModel } from "../cli/random_model.ts";
import { browserTest, openEngine } from "./chromium.ts";

/** Runs in a row, and after how many the memory is measured. */
const RUNS = 50;
const STRETCH = 5;

/** Bytes that the heap may grow by chance: a tenth of what one result of each run that is kept would take. */
const CHANCE = RUNS * 64 * 64 * 3 * 4 / 10;

/** Runs of one step, and what page and device hold after every stretch of them. */
const PROGRAM = `(async ({ name, bytes }) => {
  await engine.openModel(new File([new Uint8Array(bytes)], name));
  const canvas = new OffscreenCanvas(64, 64);
  const context = canvas.getContext("2d");
  for (const [colour, x, side] of [["#804020", 0, 64], ["#2080c0", 16, 32]]) {
    context.fillStyle = colour;
    context.fillRect(x, x, side, side);
  }
  const { id: picture } = await engine.read(new File([await canvas.convertToBlob()], "picture.png"));
  const options = { task: "sr4", method: "ddrm", steps: 1, degrade: true };
  const heaps = [];
  const devices = [];
  for (let run = 1; run <= ${RUNS}; run++) {
    const { pictures } = await engine.restore({ picture, options, seed: run, samples: 1 });
    await engine.forget(...pictures.map(({ id }) => id));
    if (run % ${STRETCH} > 0) continue;
    heaps.push((await performance.measureUserAgentSpecificMemory()).bytes);
    devices.push(await watchedBytes());
  }
  return { heaps, devices };
})`;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

browserTest("fifty runs in a row hold no more memory than ten", async (opened) => {
  const page = await opened.page();
  await openEngine(page, `http://localhost:${opened.port}/`);
  await page.exposeFunction("watchedBytes", () => page.workers()[0]!.evaluate("watched.bytes"));
  const bytes = Array.from(await Deno.readFile(await quickModel()));
  const { heaps, devices } = await page.evaluate(
    `(${PROGRAM})(${JSON.stringify({ name: "quick.safetensors", bytes })})`,
  ) as { readonly heaps: readonly number[]; readonly devices: readonly number[] };
  assertEquals(new Set(devices).size, 1, `bytes on the device: ${devices.join(", ")}`);
  const growth = median(heaps.slice(-3)) - median(heaps.slice(1, 4));
  assert(growth < CHANCE, `the heap has grown by ${growth} bytes: ${heaps.join(", ")}`);
});

/** Every kernel that comparing with recorded runs compiles, and what the compiler says of it. */
const COMPARISON = `(async () => {
  const files = [];
  await engine.verify(comlink.proxy((file) => void files.push(file)));
  return files.map(({ file, number, files, quantities }) => ({
    file, number, files,
    different: quantities.filter(({ outcome }) => outcome === "different").map(({ name, error }) => name + " " + error),
    equal: quantities.filter(({ outcome }) => outcome === "equal").length,
  }));
})()`;

browserTest(
  "the browser computes what other programs recorded, and its compiler warns of no kernel",
  async (opened) => {
    const page = await opened.page();
    await openEngine(page, `http://localhost:${opened.port}/`);
    const files = await page.evaluate(COMPARISON) as readonly {
      readonly number: number;
      readonly files: number;
      readonly different: readonly string[];
      readonly equal: number;
    }[];
    assertEquals(files.at(-1)?.number, files[0]?.files);
    for (const { different, equal } of files) {
      assertEquals(different, []);
      assert(equal > 10);
    }
    const said = await page.workers()[0]!.evaluate("Promise.all(watched.compilations)") as readonly string[][];
    assert(said.length > 100, `${said.length} kernels were compiled`);
    assertEquals(said.flat(), []);
  },
);
