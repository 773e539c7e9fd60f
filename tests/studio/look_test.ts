import { assert, assertEquals, assertRejects } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { colourRaster, resize, toImage } from "../../raster/mod.ts";
import { DAMAGES, taskNamed } from "../../restoration/mod.ts";
import { readJob } from "../../studio/engine/job.ts";
import { lookAt } from "../../studio/engine/look.ts";
import type { StoredPicture } from "../../studio/engine/pictures.ts";
import { registers, taskFacts } from "../../studio/engine/registers.ts";
import type { Diagnosis } from "../../studio/protocol.ts";
import { casePath } from "../io/cases.ts";

/** A case, as a picture that was read. */
async function stored(path: string, name: string): Promise<StoredPicture> {
  return { name, decoded: await readImage(casePath(path)) };
}

/** The words of what was seen. */
function seen({ findings }: Diagnosis): readonly string[] {
  return findings.map(({ text, isSure }) => `${isSure ? "" : "perhaps "}${text}`);
}

Deno.test("what is advised of a picture is plain data, and a job that is read", async () => {
  const listed = registers().tasks.map(({ name }) => name);
  const cases = {
    "real-noise/noisy-sigma25.png": { task: "denoise", options: {} },
    "common/good64-q15.jpg": { task: "jpeg", options: {} },
    "old-photo/scratched-sepia.jpg": { task: "inpaint", options: {} },
  };
  for (const [path, { task, options }] of Object.entries(cases)) {
    const picture = await stored(path, path.split("/").at(-1)!);
    const diagnosis = await lookAt(picture, () => {});
    assertEquals(structuredClone(diagnosis), diagnosis);
    const { advice } = diagnosis;
    assertEquals([advice?.task.name, advice?.options, advice?.first], [task, options, null], seen(diagnosis).join());
    assert(listed.includes(task));
    const { mask } = advice!;
    const request = { picture: 1, options: { ...advice!.options, task }, seed: 0, samples: 1, ...mask ? { mask } : {} };
    assertEquals(readJob(request, { picture, isSample: false }, true).task.name, task);
  }
});

Deno.test("a picture that was enlarged is made smaller before, in a terminal", async () => {
  const { decoded } = await stored("common/good64.png", "");
  const larger = toImage(resize(colourRaster(decoded), { width: 128, height: 128 }, "bicubic"));
  const { advice } = await lookAt({ name: "it's large.png", decoded: larger }, () => {});
  assertEquals(advice?.first, "deno task degrade 'it'\\''s large.png' 'it'\\''s large-smaller.png' --task sr2");
  assertEquals(advice?.task.name, "sr2");
});

Deno.test("damages that are undone together are a task with mask, methods and controls", () => {
  const { mask, methods, controls } = taskFacts(taskNamed("denoise + inpaint"));
  assertEquals(mask, "needed");
  assert(methods.length > 0);
  assert(controls.every(({ help }) => help.length > 0));
});

Deno.test("nothing is advised of a good picture", async () => {
  const told: (readonly number[])[] = [];
  const good = await stored("common/good64.png", "good64.png");
  assertEquals((await lookAt(good, (...step) => void told.push(step))).advice, null);
  assertEquals(told, DAMAGES.map((_, index) => [index, DAMAGES.length]));
  const stop = (done: number): void => {
    if (done === 2) throw new Error("stopped");
  };
  await assertRejects(() => lookAt(good, stop), Error, "stopped");
});
