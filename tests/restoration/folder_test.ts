import { assertEquals } from "@std/assert";
import { type FolderItem, planFolder, seedOf, seedOfJob } from "../../restoration/mod.ts";

Deno.test("the seed of a file depends on its name and on the seed of the command, not on its folder", () => {
  assertEquals(seedOf("x/a.png", 1), seedOf("y/a.jpg", 1));
  const [byName, bySeed] = [["a", "b", "c"].map((name) => seedOf(name, 7)), [0, 1, 2].map((seed) => seedOf("a", seed))];
  assertEquals([new Set(byName).size, new Set(bySeed).size], [3, 3]);
  for (const seed of [...byName, ...bySeed]) {
    assertEquals(Number.isSafeInteger(seed) && seed >= 0 && seed < 2 ** 32, true);
  }
});

const ITEMS: readonly FolderItem[] = [
  ...["b.png", "a-mask.png", "a.JPG", "lone-mask.png"].map((path): FolderItem => ({ path, kind: "picture" })),
  { path: "y.safetensors", kind: "measurement" },
  { path: "empty.png", kind: "other", about: "the file is empty" },
  { path: "notes.txt", kind: "other", about: "it is not an image" },
];

Deno.test("everything in a folder is done or passed over for a reason, and masks belong to pictures by their names", () => {
  const { jobs, passedOver } = planFolder(ITEMS, { wanted: "picture", hasMasks: true });
  assertEquals(jobs, [{ path: "a.JPG", stem: "a", mask: "a-mask.png" }, { path: "b.png", stem: "b" }]);
  assertEquals(passedOver, [
    { path: "a-mask.png", reason: 'it is the mask of "a.JPG"', isFailure: false },
    { path: "empty.png", reason: "the file is empty", isFailure: true },
    { path: "lone-mask.png", reason: 'it is a mask, and there is no picture "lone"', isFailure: false },
    { path: "notes.txt", reason: "it is not an image", isFailure: false },
    { path: "y.safetensors", reason: "it is a measurement; leave --task out", isFailure: false },
  ]);
  // Where no mask is taken, a name alone makes none.
  assertEquals(planFolder(ITEMS, { wanted: "picture", hasMasks: false }).jobs.map(({ path }) => path), [
    "a.JPG",
    "b.png",
    "lone-mask.png",
  ]);
  const measured = planFolder(ITEMS, { wanted: "measurement", hasMasks: false });
  assertEquals(measured.jobs, [{ path: "y.safetensors", stem: "y" }]);
  assertEquals(measured.passedOver.length, ITEMS.length - 1);
  assertEquals(measured.passedOver[0]!.reason, "it is a picture; --task NAME takes pictures");
});

Deno.test("files that share a name have results of different names, on disks that know no case too", () => {
  const paths = ["d/cat.png", "d/Cat.jpg", "d/cat", "d/cat-png.webp", "d/dog.png"];
  const { jobs } = planFolder(paths.map((path) => ({ path, kind: "picture" })), { wanted: "picture", hasMasks: false });
  assertEquals(Object.fromEntries(jobs.map(({ path, stem }) => [path, stem])), {
    "d/Cat.jpg": "Cat-jpg",
    "d/cat": "cat",
    "d/cat-png.webp": "cat-png",
    "d/cat.png": "cat-png-2",
    "d/dog.png": "dog",
  });
});

Deno.test("a file of a folder has a seed of its own, or that of all", () => {
  const job = { path: "d/a.b.jpg", stem: "a.b" };
  assertEquals(seedOfJob(job, { seed: 7 }), seedOf("a.b.jpg", 7));
  assertEquals(seedOfJob({ ...job, stem: "a.b-jpg" }, {}) === seedOfJob(job, {}), false);
  assertEquals([seedOfJob(job, { seed: 7, "same-seed": true }), seedOfJob(job, { "same-seed": true })], [7, 0]);
});
