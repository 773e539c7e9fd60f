/** Rows for the options of `degrade`. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { readImage } from "../../../io/mod.ts";
import type { Materials } from "./materials.ts";
import { runtimeRows } from "./shared_rows.ts";
import { rms, type Row, type Words } from "./table.ts";
import { measurementOf, parameterOf, taskCases, valuesOf } from "./task_cases.ts";

/** All options of `degrade`. */
export async function degradeRows(materials: Materials): Promise<readonly Row[]> {
  const { large, overflow, convolving, folder } = materials;
  const pair = folder.folder("degrade-pair");
  for (const name of ["a", "b"]) folder.picture(`degrade-pair/${name}.png`, {});
  const x = await valuesOf(large);
  const exact = (...options: string[]): Words => ["degrade", large, "@.safetensors", "--cpu", ...options];
  const png = (...options: string[]): Words => ["degrade", large, "--cpu", "--out=@.png", ...options];
  const cases = (await taskCases(materials)).map(({ option, task, base = [], value, key, check }): Row => ({
    option,
    without: exact(`--task=${task}`, ...base),
    given: exact(`--task=${task}`, ...base, `--${option}=${value}`),
    async check(without, given): Promise<void> {
      const [before, after] = [await measurementOf(without), await measurementOf(given)];
      if (key !== undefined) assertEquals(String(parameterOf(after, key)), value);
      check(before, after, x);
    },
  }));
  /** Deviation of the noise of the task "denoise". */
  const noiseRow = (option: string, value: string, judge: (noise: Float32Array) => void): Row => ({
    option,
    without: exact("--task=denoise"),
    given: exact("--task=denoise", `--${option}=${value}`),
    async check(without, given): Promise<void> {
      assertEquals((await measurementOf(without)).y, x, "no noise");
      const { y } = await measurementOf(given);
      judge(y.map((value, i) => value - x[i]!));
    },
  });
  const deviation = (noise: Float32Array): number => Math.sqrt(noise.reduce((sum, v) => sum + v * v, 0) / noise.length);
  return [
    ...cases,
    {
      option: "task",
      without: png(),
      given: png("--task=colorize"),
      async check(usual, given): Promise<void> {
        const [small, gray] = [await usual.picture(), await given.picture()];
        assertEquals([small.width, small.height, small.channels], [4, 4, 3], "sr4");
        assertEquals([gray.width, gray.height, gray.channels], [16, 16, 1]);
        gray.data.forEach((value, i) => {
          const mean = (x[3 * i]! + x[3 * i + 1]! + x[3 * i + 2]!) / 3;
          assert(Math.abs(value - mean) <= 1.01 / 255, `pixel ${i}`);
        });
      },
    },
    noiseRow("sigma-y", "0.2", (noise) => {
      assert(Math.abs(deviation(noise) / 0.2 - 1) < 0.1, `${deviation(noise)}`);
    }),
    noiseRow("poisson-rate", "0.05", (noise) => {
      // Counts n of mean m = 255 r v for brightness v in [0, 1]; in [-1, 1] the variance is 4 v / (255 r).
      const mean = x.reduce((sum, value) => sum + (value + 1) / 2, 0) / x.length;
      const expected = Math.sqrt(4 * mean / (255 * 0.05));
      assert(Math.abs(deviation(noise) / expected - 1) < 0.15, `${deviation(noise)} instead of ${expected}`);
    }),
    {
      option: "jpeg-quality",
      without: exact("--task=denoise", "--jpeg-quality=95"),
      given: exact("--task=denoise", "--jpeg-quality=5"),
      async check(fine, coarse): Promise<void> {
        const loss = async (ran: typeof fine): Promise<number> => rms((await measurementOf(ran)).y, x);
        const [little, much] = [await loss(fine), await loss(coarse)];
        assert(little > 0 && much > 3 * little, `${little}, ${much}`);
      },
    },
    {
      option: "seed",
      without: exact("--task=inpaint", "--mask-random=0.5", "--sigma-y=0.1"),
      given: exact("--task=inpaint", "--mask-random=0.5", "--sigma-y=0.1", "--seed=7"),
      async check(zero, seven, run): Promise<void> {
        const [a, b] = [await measurementOf(zero), await measurementOf(seven)];
        assertEquals([a.metadata.get("seed"), b.metadata.get("seed")], ["0", "7"]);
        assertEquals([parameterOf(a, "seed"), parameterOf(b, "seed")], [0, 7]);
        assertNotEquals(a.y, b.y);
        const again = await run(exact("--task=inpaint", "--mask-random=0.5", "--sigma-y=0.1", "--seed=0"));
        assertEquals((await measurementOf(again)).y, a.y, "default");
      },
    },
    {
      option: "scale",
      without: png("--task=sr1.5"),
      given: png("--task=sr", "--scale=1.5"),
      async check(named, given): Promise<void> {
        assertEquals(given.bytes(), named.bytes());
        const { width } = await readImage(large);
        assertEquals((await given.picture()).width, Math.round(width / 1.5));
      },
    },
    {
      option: "same-seed",
      without: ["degrade", pair, "@", "--cpu", "--task=denoise", "--sigma-y=0.1"],
      given: ["degrade", pair, "@", "--cpu", "--task=denoise", "--sigma-y=0.1", "--same-seed"],
      check(own, same): void {
        assertNotEquals(own.bytes("/a.png"), own.bytes("/b.png"));
        assertEquals(same.bytes("/a.png"), same.bytes("/b.png"));
      },
    },
    {
      option: "bits",
      without: png("--task=deblur"),
      given: png("--task=deblur", "--bits=16"),
      async check(usual, given): Promise<void> {
        const [eight, sixteen] = [await readImage(`${usual.out}.png`), await readImage(`${given.out}.png`)];
        assertEquals([eight.bitDepth, sixteen.bitDepth], [8, 16]);
        assert(sixteen.samples.some((value) => value % 257 !== 0), "more than 256 levels are in use");
      },
    },
    {
      option: "format",
      without: ["degrade", large, "--cpu", "--task=sr4", "--out=@.png"],
      given: ["degrade", large, "--cpu", "--task=sr4", "--out=@.safetensors", "--format=safetensors"],
      async check(png, exact, run): Promise<void> {
        assertEquals([png.has(".png"), exact.has(".safetensors"), exact.has(".png")], [true, true, false]);
        const [rounded, { y }] = [await png.picture(), await measurementOf(exact)];
        assert(rms(rounded.data, y) > 0 && rms(rounded.data, y) < 1 / 127.5);
        const folders = [folder.folder("degrade-in"), folder.path("degrade-out")] as const;
        folder.picture("degrade-in/a.png", {});
        await run(["degrade", ...folders, "--cpu", "--task=sr4", "--format=safetensors"]);
        assertEquals(folder.list("degrade-out"), ["a.json", "a.safetensors"], "what a folder's results are stored as");
      },
    },
    {
      option: "out",
      without: ["degrade", large, "--cpu", "@-a.png"],
      given: ["degrade", large, "--cpu", "--out=@-b.png"],
      check(operand, option): void {
        assertEquals([operand.has("-a.png"), option.has("-b.png")], [true, true]);
        assertEquals(option.bytes("-b.png"), operand.bytes("-a.png"));
      },
    },
    {
      option: "json",
      without: png("--task=sr4"),
      given: png("--task=sr4", "--json"),
      check(text, json): void {
        assert(text.stdout.startsWith("Wrote "), text.stdout);
        assertEquals(json.printed("event"), "result");
        assertEquals([json.printed("width"), json.printed("files")], [4, [`${json.out}.png`]]);
      },
    },
    ...runtimeRows(folder, {
      line: ["degrade", large, "@.safetensors", "--task=deblur-network", `--blur-network=${convolving}`],
      numbers: async (ran) => (await measurementOf(ran)).y,
      tolerance: 1e-4,
      spoiled: {
        line: ["degrade", large, "@.safetensors", "--task=deblur-network", `--blur-network=${overflow}`],
        code: 0,
        scope: /conv2d/,
      },
    }),
  ];
}
