/** What a diagnosis says of pictures whose damage is known. */
import { assert, assertEquals } from "@std/assert";
import { encode } from "jpeg-js";
import { readImage } from "../../io/mod.ts";
import { colourRaster, crop, type Raster, resize, toImage } from "../../raster/mod.ts";
import {
  type DecodedPicture,
  describeDiagnosis,
  diagnose,
  type Diagnosis,
  enlargementOf,
  type Finding,
  jpegTraces,
  SURE,
} from "../../restoration/mod.ts";
import { normalValues } from "../support/random.ts";
import { casePath } from "../io/cases.ts";

const PICTURE = new URL("../../models/default/sample.png", import.meta.url).pathname;

async function picture(): Promise<Raster> {
  return colourRaster(await readImage(PICTURE));
}

/** As a file of 8 bits holds it. */
function rounded(raster: Raster): DecodedPicture {
  return toImage(raster) as DecodedPicture;
}

/** A picture as its JPEG file decodes, which has the tables of libjpeg. */
async function compressed(raster: Raster, quality: number): Promise<DecodedPicture> {
  const { width, height, samples } = toImage(raster);
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height * 3; i++) rgba[4 * Math.floor(i / 3) + i % 3] = samples[i]!;
  const file = await Deno.makeTempFile({ suffix: ".jpg" });
  try {
    await Deno.writeFile(file, encode({ data: rgba, width, height }, quality).data);
    return await readImage(file);
  } finally {
    await Deno.remove(file);
  }
}

function sure({ findings }: Diagnosis): readonly string[] {
  return findings.filter(({ confidence }) => confidence >= SURE).map(({ damage }) => damage);
}

function found({ findings }: Diagnosis, damage: string): Finding {
  const finding = findings.find((one) => one.damage === damage);
  assert(finding, `"${damage}" is not among ${findings.map((one) => one.damage).join(", ")}`);
  return finding;
}

Deno.test("the quality of a compression is read off the pixels exactly, wherever its blocks begin", async () => {
  const good = await picture();
  for (const quality of [30, 75, 90]) {
    const decoded = colourRaster(await compressed(good, quality));
    const whole = jpegTraces(decoded);
    assertEquals([whole?.quality, whole?.offset], [quality, [0, 0]]);
    const cut = jpegTraces(crop(decoded, { x: 3, y: 6, width: 200, height: 190 }));
    assertEquals([cut?.quality, cut?.offset], [quality, [5, 2]]);
    assert(whole!.confidence > 0.9 && cut!.confidence > 0.9);
  }
});

Deno.test("a picture that was never compressed has no traces", async () => {
  const good = await picture();
  assertEquals(jpegTraces(good), undefined);
  assertEquals(
    jpegTraces(resize(colourRaster(await compressed(good, 50)), { width: 100, height: 100 }, "area")),
    undefined,
  );
});

Deno.test("the factor of an enlargement is found, by bicubic and bilinear filters", async () => {
  const good = await picture();
  for (const factor of [1.4, 1.5, 2, 2.5, 3, 4]) {
    for (const filter of ["bicubic", "bilinear"] as const) {
      const side = Math.round(240 / factor);
      const small = crop(good, { x: 60, y: 50, width: side, height: side });
      const large = colourRaster(rounded(resize(small, { width: 240, height: 240 }, filter)));
      const { factor: seen, confidence } = enlargementOf(large) ?? { factor: 0, confidence: 0 };
      assert(
        Math.abs(seen - factor) < 0.03 * factor && confidence > SURE,
        `${factor} ${filter}: ${seen}, ${confidence}`,
      );
    }
  }
});

Deno.test("blur, noise and blocks of a compression are no enlargement", async () => {
  const good = await picture();
  const noise = normalValues(good.data.length, 3);
  const noisy = { ...good, data: good.data.map((value, i) => value + 0.08 * noise[i]!) };
  const soft = colourRaster(await readImage(casePath("soft/soft-sigma1.2.png")));
  const blocks = await Promise.all([40, 65, 80].map((quality) => compressed(good, quality)));
  const coarse = await readImage(casePath("common/good64-q15.jpg"));
  for (const other of [good, noisy, soft, ...[...blocks, coarse].map(colourRaster)]) {
    const { confidence } = enlargementOf(other) ?? { confidence: 0 };
    assert(confidence < SURE, String(confidence));
  }
});

Deno.test("a good picture is left alone", async () => {
  const diagnosis = diagnose(await readImage(casePath("common/good64.png")), "good64.png");
  assertEquals([sure(diagnosis), diagnosis.advice], [[], undefined]);
  assertEquals(describeDiagnosis(diagnosis, "good64.png").at(-1), "Nothing is surely wrong with it: leave it as it is");
});

Deno.test("what is not sure is told, and decides nothing: noise hides whether a picture is blurred", async () => {
  const good = colourRaster(await readImage(casePath("common/good256.png")));
  const noise = normalValues(good.data.length, 4);
  const noisy = rounded({ ...good, data: good.data.map((value, i) => value + 0.1 * noise[i]!) });
  const diagnosis = diagnose(noisy, "noisy.png");
  assertEquals(found(diagnosis, "blurred").confidence, 0.5);
  assertEquals([sure(diagnosis), diagnosis.advice?.task], [["noisy"], "denoise"]);
  const [first] = describeDiagnosis(diagnosis, "noisy.png").filter((line) => line.startsWith("Perhaps: it was moved"));
  assert(first?.endsWith("(50 % sure)"), first);
});

Deno.test("a soft, a noisy, a compressed and a torn picture each get the task that undoes it", async () => {
  const good = await picture();
  const noise = normalValues(good.data.length, 4);
  const noisy = diagnose(
    rounded({ ...good, data: good.data.map((value, i) => value + 0.1 * noise[i]!) }),
    "noisy.png",
  );
  assertEquals([sure(noisy), noisy.advice?.task], [["noisy"], "denoise"]);
  assert(Math.abs(found(noisy, "noisy").values["sigma"]! - 0.1) < 0.01);

  const soft = diagnose(await readImage(casePath("soft/soft-sigma1.2.png")), "soft.png");
  assertEquals([sure(soft), soft.advice?.task, soft.advice?.options], [["blurred"], "deblur", { blur: "estimate" }]);

  const file = diagnose(await readImage(casePath("common/good64-q15.jpg")), "good64-q15.jpg");
  assertEquals([found(file, "compressed").values["quality"], file.advice?.task], [15, "jpeg"]);

  const known = new Uint8Array(good.width * good.height).fill(255).fill(0, 0, 1000);
  const torn = diagnose({ ...rounded(good), alpha: known } as DecodedPicture, "torn.png");
  assertEquals([sure(torn).includes("missing"), torn.advice?.task], [true, "inpaint"]);
});

Deno.test("of a PNG that was a JPEG before the quality is given, and the command takes it", async () => {
  const decoded = await compressed(await picture(), 40);
  const { width, height, channels, bitDepth, samples } = decoded;
  const diagnosis = diagnose({ width, height, channels, bitDepth, samples } as DecodedPicture, "was jpeg.png");
  assertEquals(diagnosis.advice, { task: "jpeg", options: { quality: 40 }, later: [] });
  assertEquals(
    describeDiagnosis(diagnosis, "was jpeg.png").at(-1),
    "  deno task restore 'was jpeg.png' --task jpeg --quality 40",
  );
});

Deno.test("an enlarged picture is made small again first", async () => {
  const good = await picture();
  const small = crop(good, { x: 60, y: 50, width: 80, height: 80 });
  const diagnosis = diagnose(rounded(resize(small, { width: 240, height: 240 })), "large.png");
  assertEquals(diagnosis.advice?.task, "sr3");
  assertEquals(describeDiagnosis(diagnosis, "large.png").slice(-2), [
    "  deno task degrade large.png SMALLER.png --task sr3",
    "  deno task restore SMALLER.png --task sr3",
  ]);
});
