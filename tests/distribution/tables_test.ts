/** What tables of many units are made of: units that are computed, files that are written piece by piece. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  hashOf,
  mergeParts,
  readKeptPlan,
  readResults,
  shardOf,
  type Store,
  tableFiles,
  unitKey,
  unitsOf,
  writePlan,
  writeResults,
} from "../../evaluation/mod.ts";
import { encodePng, FolderStore } from "../../io/mod.ts";
import type { Lpips } from "../../metrics/mod.ts";
import { toImage } from "../../raster/mod.ts";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { hashesOf, keepMadeUp, largePlan } from "./large_study.ts";

const PICTURE = encodePng(toImage({ width: 1, height: 1, channels: 3, data: new Float32Array(3) }));

/** How the evaluation was asked for, with a text that looks like a part of the file of the plan. */
const ASKED = { command: "deno task evaluate 'x'", configuration: '{\n    "units": [],\n}' };

/** A network of LPIPS for which all pictures are as far apart. */
const LPIPS = {
  key: () => Promise.resolve("l"),
  load: () =>
    Promise.resolve(
      { network: "alex", leastSide: 1, distances: () => Promise.resolve([{ distance: 0.25 }]) } as unknown as Lpips,
    ),
};

/** Hashes of the files as they were written when all records were in memory: with units missing, and with all. */
const WRITTEN = {
  missing: {
    "plan.json": "c2ee7e23d2214d83",
    "results.csv": "3f43d17352acd888",
    "summary.csv": "5b1ccd5c1b718842",
    "differences.csv": "b837d480dfec1a43",
    "published.csv": "f394ecc2e9694858",
    "results.json": "380d3ed064c25252",
    "times.csv": "514ca29352781a62",
    "frontier.csv": "9db23db0861fb0e4",
    "deepinv/1-sr2.csv": "6d5790ce60f86fb7",
    "deepinv/2-noisy-by-label.csv": "b712e33d5dca7c64",
    "deepinv/3-ct.csv": "56aacf4f0451d7f6",
    "report.html": "1ef1f5d2fcf40a4f",
  },
  best: {
    "plan.json": "8cf3425f73e3a8f6",
    "results.csv": "b90196297bb36c33",
    "summary.csv": "60a87d966d638fee",
    "differences.csv": "e3b1d8b50ba09c24",
    "published.csv": "9314bda78824df1a",
    "results.json": "b54f607559f9faee",
    "times.csv": "514ca29352781a62",
    "frontier.csv": "0eac6092c0a4b9d8",
    "deepinv/1-sr2.csv": "e34355fc9235b606",
    "deepinv/2-noisy-by-label.csv": "8290e5593505ac8c",
    "deepinv/3-ct.csv": "5eb8a72effd34306",
    "report.html": "ad9c5a772cf43423",
  },
  all: {
    "plan.json": "c2ee7e23d2214d83",
    "results.csv": "1d7b73ddd589cf72",
    "summary.csv": "6ab4fb1d5850da07",
    "differences.csv": "7692adecbc3a9ac7",
    "published.csv": "064fd0f110483cc6",
    "results.json": "330825b1e7848aa0",
    "times.csv": "008ec559b7b38736",
    "frontier.csv": "140ae6e65b3e6de1",
    "deepinv/1-sr2.csv": "d2f1453665eba62a",
    "deepinv/2-noisy-by-label.csv": "ec8b7aac206abc7f",
    "deepinv/3-ct.csv": "37662a705b68c36c",
    "report.html": "0077cf2a461e195b",
  },
} as const;

const CASES = [
  { name: "missing", best: false, leftOut: 6, measures: {} },
  { name: "best", best: true, leftOut: 6, measures: { lpips: LPIPS } },
  { name: "all", best: false, leftOut: 1e9, measures: {} },
] as const;

for (const { name, best, leftOut, measures } of CASES) {
  Deno.test(`tables, plan and report keep every byte: ${name}`, async () => {
    const work = await largePlan(best);
    const store = new MemoryStore();
    await keepMadeUp(work, store, PICTURE, leftOut);
    const kept = { plan: work.plan, ...ASKED };
    await writePlan(store, kept);
    const results = await readResults(work.plan, store, measures);
    await writeResults(store, results, kept, 3);
    assertEquals<Record<string, string>>(await hashesOf(store.files), WRITTEN[name]);
    const texts = await tableFiles(results);
    for (const [file, text] of Object.entries(texts)) {
      assertEquals(text, new TextDecoder().decode(store.files.get(file)), file);
    }
    // The same in a folder, where files are written and read piece by piece.
    const folder = await Deno.makeTempDir();
    using out = await FolderStore.writing(folder);
    for (const [file, bytes] of store.files) await out.write(file, bytes);
    const again = (await readKeptPlan(out))!;
    await writePlan(out, again);
    await writeResults(out, await readResults(again.plan, out, measures), again, 3);
    for (const [file, bytes] of store.files) assertEquals(await out.read(file), bytes, file);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("units of a plan are named by their keys, and found by what they are of", async () => {
  const work = await largePlan(false);
  const units = unitsOf(work);
  const all = await Array.fromAsync(units);
  // 13 pairs, as "ct" takes no ddrm; 4 pictures with 3 seeds.
  assertEquals([units.length, all.length], [work.plan.pairs.length * 12, work.plan.pairs.length * 12]);
  const firsts = new Map<string, number>();
  for (const [index, { id, ...unit }] of all.entries()) {
    assertEquals(id, await hashOf(unitKey(work, unit)));
    assertEquals([await units.at(index), units.indexOf(unit)], [{ id, ...unit }, index]);
    const first = firsts.get(id) ?? index;
    firsts.set(id, first);
    assertEquals(units.firstOf(index), first, "the first of equal units stands for all");
  }
  assertEquals(units.results, firsts.size);
  assert(firsts.size < all.length, "a method and a picture are there twice");
  for (const wrong of [{ task: 9 }, { image: 4 }, { image: -1 }, { image: 0.5 }, { seed: 6 }]) {
    assertEquals(units.indexOf({ ...all[0]!, ...wrong }), -1, JSON.stringify(wrong));
  }
  const parts = [1, 2, 3, 4, 5].map((index) => shardOf(units, { index, count: 5 }));
  for (const [k, part] of parts.entries()) {
    const found = await Array.fromAsync(part);
    assertEquals([found.length, found], [part.length, all.filter((_, place) => place % 5 === k)]);
  }
});

Deno.test("a plan is read unit by unit, also where its file was written in another form", async () => {
  const { plan } = await largePlan(false);
  const store = new MemoryStore();
  assertEquals(await readKeptPlan(store), undefined);
  for (const units of [plan.units, []]) {
    await writePlan(store, { plan: { ...plan, units }, ...ASKED });
    const all = await Array.fromAsync(units);
    const whole = { plan: { ...plan, units: all }, ...ASKED };
    assertEquals(new TextDecoder().decode(store.files.get("plan.json")), `${JSON.stringify(whole, null, 2)}\n`);
    for (const text of [undefined, JSON.stringify(whole)]) {
      if (text !== undefined) await store.write("plan.json", new TextEncoder().encode(text));
      const kept = (await readKeptPlan(store))!;
      assertEquals(kept.plan.units.length, all.length);
      assertEquals({ ...kept, plan: { ...kept.plan, units: await Array.fromAsync(kept.plan.units) } }, whole);
    }
  }
  await store.write("plan.json", new TextEncoder().encode('{\n  "plan": {\n    "units": [\n'));
  assertEquals(await readKeptPlan(store), undefined, "half a file is none");
});

Deno.test("parts of one plan are joined without a list of their files; those of two are refused", async () => {
  const [work, other] = [await largePlan(false), await largePlan(true)];
  const whole = new MemoryStore();
  await keepMadeUp(work, whole, PICTURE, 6);
  await writePlan(whole, { plan: work.plan, ...ASKED });
  const names = [...whole.files.keys()].filter((name) => name !== "plan.json");
  const isHidden = { list: (): Promise<never> => Promise.reject(new Error("the names are listed")) };
  const parts = [0, 1].map((part) => {
    const store = new MemoryStore();
    for (const [k, name] of names.entries()) if (k % 2 === part) store.files.set(name, whole.files.get(name)!);
    store.files.set("plan.json", whole.files.get("plan.json")!);
    const list = store.list.bind(store);
    return Object.assign(store, isHidden, {
      names: async function* (folder: "units" | "pictures"): AsyncGenerator<string, void> {
        yield* await list(folder);
      },
    });
  });
  const written: string[] = [];
  const into = new MemoryStore();
  const write = into.write.bind(into);
  const told = Object.assign(into, {
    write: (name: string, bytes: Uint8Array) => (written.push(name), write(name, bytes)),
  });
  await mergeParts(new Map(parts.map((part, k) => [`part-${k}`, part as Store])), told);
  assertEquals([...into.files.keys()].sort(), [...whole.files.keys()].sort());
  assertEquals(into.files.get("plan.json"), whole.files.get("plan.json"));
  for (const part of parts) {
    const own = written.filter((name) => part.files.has(name) && name.startsWith("units/"));
    const counted = own.findIndex((name) => name.endsWith(".json"));
    assert(own.slice(counted).every((name) => name.endsWith(".json")), "records come after pictures");
  }
  await writePlan(parts[1]!, { plan: other.plan, ...ASKED });
  const differing = new Map(parts.map((part, k) => [`part-${k}`, part as Store]));
  await assertRejects(() => mergeParts(differing, new MemoryStore()), RangeError, '"part-0" and "part-1"');
});
