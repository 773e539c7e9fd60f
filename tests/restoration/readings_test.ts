/** Readings of a picture: which there are, the part on which they are tried, and which one is taken. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { hostTensor } from "../../engine/mod.ts";
import { openModel, readImage } from "../../io/mod.ts";
import { colourRaster, crop, type Raster } from "../../raster/mod.ts";
import {
  bestOf,
  type DecodedPicture,
  diagnose,
  type Diagnosis,
  type Finding,
  MOST_READINGS,
  partOfSource,
  type Reading,
  readingsOf,
  richestPart,
  tryReadings,
} from "../../restoration/mod.ts";
import { casePath } from "../io/cases.ts";
import { gpuTest } from "../support/gpu.ts";

const SOFT = casePath("soft/soft-sigma1.2.png");

function finding(damage: string, confidence: number, task: string): Finding {
  return { damage, text: damage, values: {}, confidence, remedy: { task, options: {} } };
}

const NOISY = finding("noisy", 0.9, "denoise");
const CLIPPED = finding("clipped", 0.5, "hdr");
const ADVICE = { task: "denoise", options: {}, later: [] };

async function good(): Promise<DecodedPicture> {
  return await readImage(casePath("common/good64.png"));
}

Deno.test("a diagnosis without a doubt has one reading, one with a doubt those with and without it", async () => {
  const picture = await good();
  const only = readingsOf(picture, "p", { findings: [NOISY], advice: ADVICE });
  assertEquals(only, [{ task: "denoise", options: {}, damages: ["noisy"], likelihood: 0.9 }]);
  const [first, second, ...others] = readingsOf(picture, "p", { findings: [NOISY, CLIPPED], advice: ADVICE });
  assertEquals([first?.task, second?.task, others], ["denoise", "hdr", []]);
  assert(Math.abs(first!.likelihood - 0.9 * 0.5) < 1e-12 && Math.abs(second!.likelihood - 0.1 * 0.5) < 1e-12);
});

Deno.test("nothing is read where nothing is advised, or not on this picture; never more than three readings", async () => {
  const picture = await good();
  assertEquals(readingsOf(picture, "p", { findings: [CLIPPED] }), []);
  const enlarged: Diagnosis = {
    findings: [],
    advice: { task: "sr2", options: {}, first: "degrade PICTURE SMALLER.png --task sr2", later: [] },
  };
  assertEquals(readingsOf(picture, "p", enlarged), []);
  const findings = [NOISY, CLIPPED, finding("a", 0.6, "colorize"), finding("b", 0.4, "sr2"), finding("c", 0.3, "sr3")];
  assertEquals(readingsOf(picture, "p", { findings, advice: ADVICE }).length, MOST_READINGS);
});

Deno.test("a reading that restore refuses is no reading", async () => {
  // A picture that is no JPEG file does not say its quality.
  const findings = [NOISY, finding("compressed", 0.5, "jpeg")];
  assertEquals(readingsOf(await good(), "p", { findings, advice: ADVICE }).map(({ task }) => task), ["denoise"]);
});

const tried = (...all: readonly [likelihood: number, misfit: number, isHarm: boolean][]): number =>
  bestOf(all.map(([likelihood, misfit, isHarm]) => ({ reading: { likelihood }, misfit, isHarm })));

Deno.test("the best reading does no harm, and is the likeliest, by the square of a misfit beyond 1 less so", () => {
  assertEquals(tried([0.9, 0.5, false], [0.1, 0.2, false]), 0);
  assertEquals(tried([0.9, 1.2, false], [0.1, 0.2, false]), 0);
  assertEquals(tried([0.9, 3.1, false], [0.1, 0.2, false]), 1);
  assertEquals(tried([0.9, 0.5, true], [0.1, 1.2, false], [0.09, 0.9, false]), 2);
  // Where all do harm, the advice stands unless it is refused.
  assertEquals(tried([0.9, 0.5, true], [0.1, 0.2, true]), 0);
  assertEquals(tried([0.9, Infinity, true], [0.1, 0.2, true]), 1);
  assertEquals(tried([0.9, Infinity, true], [0.1, Infinity, true]), 0);
});

function flat(width: number, height: number): Raster {
  return { width, height, channels: 1, data: new Float32Array(width * height) };
}

Deno.test("the part that is tried is where the picture shows most, on whole blocks of its compression", () => {
  const picture = flat(200, 120);
  for (let y = 70; y < 110; y++) for (let x = 150; x < 180; x++) picture.data[y * 200 + x] = (x + y) % 2;
  const { x, y, width, height } = richestPart(picture, 48);
  assertEquals([width, height, x % 16, y % 16], [48, 48, 0, 0]);
  assert(x <= 150 && x + 48 >= 180, `from column ${x}`);
  // Turned by 180 degrees blocks begin at the lower right.
  const turned = richestPart(picture, 48, { orientation: 3 });
  assertEquals([(200 - turned.x) % 16, (120 - turned.y) % 16], [0, 0]);
  // Missing pixels at the lower border outweigh what is shown elsewhere.
  const known = Float32Array.from({ length: 200 * 120 }, (_, i) => i >= 200 * 110 && i % 200 < 60 ? 0 : 1);
  const torn = richestPart(picture, 48, { known });
  assert(torn.x < 60 && torn.y + 48 > 110, JSON.stringify(torn));
  assertEquals(richestPart(flat(40, 30), 48), { x: 0, y: 0, width: 40, height: 30 });
});

Deno.test("the mask and the decoded values of a part are those of its pixels", async () => {
  const colour = colourRaster(await good());
  const known = Float32Array.from({ length: 64 * 64 }, (_, i) => i % 3 === 0 ? 0 : 1);
  const part = { x: 16, y: 32, width: 32, height: 16 };
  const cut = partOfSource({
    name: "p",
    channels: 3,
    bitDepth: 8,
    colour,
    mask: { parameter: "mask", known: hostTensor(known, [64, 64]) },
    compression: { planes: [], color: "ycbcr", orientation: 1, decoded: colour },
  }, part);
  assertEquals(cut.colour, crop(colour, part));
  assertEquals(cut.compression?.decoded, cut.colour);
  assertEquals(cut.mask!.known.shape, [16, 32]);
  for (const [row, column] of [[0, 0], [3, 7], [15, 31]] as const) {
    assertEquals(cut.mask!.known.data[row * 32 + column], known[(row + 32) * 64 + column + 16]);
  }
});

gpuTest("readings are tried in few evaluations, judged, and stopped where it is asked for", async (runtime) => {
  const model = await openModel(runtime);
  const picture = await readImage(SOFT);
  const advised = readingsOf(picture, "soft", diagnose(picture, "soft"))[0]!;
  const wrong: Reading = { task: "jpeg", options: {}, damages: ["compressed"], likelihood: 0.9 };
  const setting = { name: "soft", options: { method: "ddnm", steps: 2 }, seed: 0 };
  const steps: number[] = [];
  const found = await tryReadings(runtime, model, { picture, readings: [wrong, advised] }, {
    ...setting,
    onStep: (step) => void steps.push(step),
  });
  // The file is no JPEG: that reading is refused, and takes no evaluation.
  assertEquals([found.best, found.tried[0]?.misfit, found.tried[0]?.raster], [1, Infinity, undefined]);
  // Eight levels are a harm, and one is what rounding accounts for.
  assert(found.tried[1]!.misfit < 8 && !found.tried[1]!.isHarm, found.tried[1]!.text);
  // The second half of the work, in two evaluations.
  assertEquals(steps, [12, 16]);
  const side = model.config.imageSize;
  assertEquals([found.part.width, found.tried[1]?.raster?.width], [side, side]);
  const stopping = { ...setting, onStep: () => Promise.reject(new Error("stopped")) };
  await assertRejects(() => tryReadings(runtime, model, { picture, readings: [advised] }, stopping), Error, "stopped");
});
