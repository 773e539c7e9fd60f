import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { AdapterIdentity } from "../../engine/mod.ts";
import { FileError } from "../../io/file_error.ts";
import {
  checkTunedWritable,
  forgetTuned,
  readTuned,
  type TunedChoice,
  tunedFile,
  type TunedSubject,
  writeTuned,
} from "../../io/tuned_choices.ts";

const ADAPTER: AdapterIdentity = {
  description: "Graphics (card) 3000",
  subgroupSize: 32,
  features: ["subgroups", "timestamp-query"],
};

const SUBJECT: TunedSubject = {
  adapter: ADAPTER,
  precision: "f32",
  version: "1.2.3",
  algorithms: { conv2d: ["direct", "winograd2", "winograd4"], matmul: ["tiled"] },
};

const KEY = "conv2d 3x3s1 64x64 32x32";

const CHOICE: TunedChoice = {
  algorithm: "winograd4",
  instead: "direct",
  milliseconds: 1.5,
  insteadMilliseconds: 2.5,
  date: "2026-01-02T03:04:05.678Z",
};

async function withFile(body: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(tunedFile(SUBJECT, `${folder}/deep/shortcut`)!, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes one good choice, changes the document, and reads it back for a subject. */
async function readChanged(
  path: string,
  change: (document: Record<string, unknown>) => unknown,
  subject = SUBJECT,
): Promise<Awaited<ReturnType<typeof readTuned>>> {
  await writeTuned(path, SUBJECT, new Map([[KEY, CHOICE]]));
  const document = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify(change(document) ?? document));
  return await readTuned(path, subject);
}

Deno.test("choices are read back as they were written, in a folder that is made", async () => {
  await withFile(async (path) => {
    assertEquals(await readTuned(path, SUBJECT), { choices: new Map() });
    const choices = new Map([[KEY, CHOICE]]);
    await writeTuned(path, SUBJECT, choices);
    assertEquals(await readTuned(path, SUBJECT), { choices });
    const folder = path.slice(0, path.lastIndexOf("/"));
    const files = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assertEquals(files, [path.slice(folder.length + 1)]);
    assertEquals([await forgetTuned(path), await forgetTuned(path)], [true, false]);
    assertEquals(await readTuned(path, SUBJECT), { choices: new Map() });
  });
});

Deno.test("each adapter has a file of its own, named after it", () => {
  const name = (adapter: Partial<AdapterIdentity>, precision = "f32"): string =>
    tunedFile({ adapter: { ...ADAPTER, ...adapter }, precision }, "/c")!;
  assert(/^\/c\/tuned-graphics-card-3000-f32-[0-9a-f]{8}\.json$/.test(name({})), name({}));
  const others = [name({}), name({ description: "other" }), name({ subgroupSize: 8 }), name({ features: [] })];
  assertEquals(new Set([...others, name({}, "f16")]).size, 5);
  assert(name({ description: "x".repeat(1000) + "/../" }).length < 100);
  assert(tunedFile(SUBJECT, "C:\\c")!.startsWith("C:\\c\\tuned-"));
});

Deno.test("without a cache folder there are no choices", async () => {
  assertEquals(await readTuned(undefined, SUBJECT), { choices: new Map() });
});

Deno.test("a file that is corrupt, foreign or outdated is ignored with one line that says why", async () => {
  await withFile(async (path) => {
    const cases: readonly (readonly [string, (document: Record<string, unknown>) => unknown])[] = [
      ["no file of the kind shortcut-tuned-1", (document) => void (document.format = "shortcut-tuned-0")],
      ["no file of the kind", () => ({})],
      ["does not hold what is expected", () => []],
      ["does not hold what is expected", (document) => void (document.adapter = "card")],
      ["does not hold what is expected", (document) => void (document.choices = [1])],
      ["other kernels", (document) => void (document.engine = "1.2.3")],
      ["another adapter", (document) => void (document.adapter = { ...ADAPTER, description: "Graphics 2000" })],
      ["another adapter", (document) => void (document.adapter = { ...ADAPTER, subgroupSize: 0 })],
      ["another precision", (document) => void (document.precision = "f16")],
      ["not understood", (document) => void (document.choices = { [KEY]: { ...CHOICE, algorithm: "fft" } })],
      ["not understood", (document) => void (document.choices = { [KEY]: { ...CHOICE, milliseconds: "1" } })],
      ["not understood", (document) => void (document.choices = { [KEY]: { ...CHOICE, date: 5 } })],
      ["not understood", (document) => void (document.choices = { "softmax 3": CHOICE })],
      ["not understood", (document) => void (document.choices = { "constructor x": CHOICE })],
    ];
    for (const [reason, change] of cases) {
      const { choices, warning = "" } = await readChanged(path, change);
      assertEquals([choices.size, warning.split("\n").length], [0, 1], warning);
      assertStringIncludes(warning, reason);
      assertStringIncludes(warning, `"${path}" are ignored`);
      assertStringIncludes(warning, "deno task tune");
    }
    for (const text of ["", "{", "\0\0\0", "null"]) {
      await Deno.writeTextFile(path, text);
      const { choices, warning } = await readTuned(path, SUBJECT);
      assertEquals(choices.size, 0);
      assert(warning);
    }
    await Deno.writeFile(path, new Uint8Array(2 ** 20 + 1));
    assertStringIncludes((await readTuned(path, SUBJECT)).warning ?? "", "1048577 bytes");
  });
});

Deno.test("a new version of the engine or a new algorithm makes choices void", async () => {
  await withFile(async (path) => {
    const kept = await readChanged(path, () => undefined);
    assertEquals([kept.choices.size, kept.warning], [1, undefined]);
    const { algorithms } = SUBJECT;
    const changed = [
      { ...SUBJECT, version: "1.2.4" },
      { ...SUBJECT, algorithms: { ...algorithms, conv2d: [...algorithms.conv2d!, "implicit"] } },
      { ...SUBJECT, algorithms: { ...algorithms, matmul: ["shared"] } },
    ];
    for (const subject of changed) {
      const { choices, warning } = await readChanged(path, () => undefined, subject);
      assertEquals(choices.size, 0);
      assertStringIncludes(warning ?? "", "other kernels");
    }
  });
});

Deno.test("a folder where the file should be, or a file where a folder should be, is no error to readers", async () => {
  await withFile(async (path, folder) => {
    await Deno.mkdir(path, { recursive: true });
    assert((await readTuned(path, SUBJECT)).warning);
    await Deno.writeTextFile(`${folder}/file`, "");
    const below = tunedFile(SUBJECT, `${folder}/file/shortcut`)!;
    assertEquals((await readTuned(below, SUBJECT)).choices.size, 0);
    await assertRejects(() => checkTunedWritable(below), FileError, "Cannot make the folder");
    await assertRejects(() => writeTuned(below, SUBJECT, new Map()), FileError, "Cannot make the folder");
    await assertRejects(() => forgetTuned(path.slice(0, path.lastIndexOf("/"))), FileError, "Cannot remove");
  });
});

Deno.test("a file that cannot be written keeps what it held", async () => {
  await withFile(async (path) => {
    await writeTuned(path, SUBJECT, new Map([[KEY, CHOICE]]));
    await checkTunedWritable(path);
    assertEquals((await readTuned(path, SUBJECT)).choices.get(KEY), CHOICE);
  });
});
