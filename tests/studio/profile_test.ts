import { assertAlmostEquals, assertEquals } from "@std/assert";
import { isRounded, profileOf } from "../../studio/engine/profile.ts";
import { kernelTime, sampleDocument } from "../profiling/profile_document.ts";

Deno.test("a profile is what the page shows: tables, boxes within boxes, and files", () => {
  const document = sampleDocument();
  const { tables, boxes, operations, method, page, data } = profileOf(document);
  assertEquals(tables.map(({ what }) => what), ["Stage", "Kernel", "Block"]);
  const [stages] = tables;
  assertEquals(stages!.rows.map(({ name, milliseconds }) => [name, milliseconds]), [["network", 14], ["update", 2]]);
  assertAlmostEquals(stages!.rows[0]!.ofCompute, 262e6 / 14 / 1e6 / 40);
  const [whole, network] = boxes;
  assertEquals([whole!.depth, whole!.start, whole!.width, whole!.colour], [0, 0, 1, null]);
  assertEquals([network!.name, network!.depth, network!.width], ["network", 1, 14 / 16]);
  for (const box of boxes.filter(({ depth }) => depth === 1)) assertEquals(box.colour, null);
  assertEquals(operations.map(({ name, colour }) => [name, colour]), [["conv2d", 0], ["groupNorm", 1], [
    "weightedSum",
    2,
  ]]);
  assertEquals(method, "Times are those of the adapter's clock, medians of 5 replays.");
  assertEquals(JSON.parse(data), JSON.parse(JSON.stringify(document)));
  assertEquals(page.startsWith("<!doctype html>"), true);
  const repeated = profileOf({ ...document, method: "repeated dispatches" });
  assertEquals(repeated.method.startsWith("Every dispatch was repeated between two waits"), true);
});

Deno.test("times that are few values come from a clock that is rounded", () => {
  const kernels = (times: number): ReturnType<typeof kernelTime>[] =>
    Array.from({ length: 100 }, (_, index) => kernelTime("a", "", 0.1 * (index % times)));
  assertEquals(isRounded({ kernels: kernels(5), method: "timestamps" }), true);
  assertEquals(isRounded({ kernels: kernels(90), method: "timestamps" }), false);
  assertEquals(isRounded({ kernels: kernels(5), method: "repeated dispatches" }), false);
  assertEquals(isRounded({ kernels: kernels(5).slice(0, 10), method: "timestamps" }), false);
});
