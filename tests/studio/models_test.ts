import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { openModelFile } from "../../io/mod.ts";
import { openFiles } from "../../studio/engine/network_files.ts";
import { fileAnswer } from "../../studio/file_answer.ts";
import { readableBlob, sha256Of } from "../../studio/models/hash.ts";
import { ModelLibrary } from "../../studio/models/library.ts";
import { isOffered, type ListedModel, type OfferedModel, sizeOf } from "../../studio/models/listing.ts";
import { writeListing } from "../../studio/models/offer.ts";
import { publishedModels } from "../../studio/models/published.ts";
import type { KeptModel, ModelStore } from "../../studio/models/store.ts";
import { type Target, transfer, type TransferOptions, WrongFile } from "../../studio/models/transfer.ts";
import type { ModelFolder } from "../../studio/protocol.ts";
import { quickModel } from "../cli/random_model.ts";
import { type Answer, type FileServer, serveFile, tagOf } from "../io/file_server.ts";

const FILE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const OTHER = FILE.map((byte) => byte ^ 1);

/** Bytes in memory, as the store has them on the disk. */
class Memory implements Target {
  bytes = new Uint8Array(0);
  validator: string | undefined;

  get size(): number {
    return this.bytes.length;
  }

  append(bytes: Uint8Array): void {
    this.bytes = Uint8Array.from([...this.bytes, ...bytes]);
  }

  restart(validator: string | undefined): Promise<void> {
    this.bytes = new Uint8Array(0);
    this.validator = validator;
    return Promise.resolve();
  }
}

/** Fetches the file from a server that answers like this. */
async function fetched(
  answers: readonly Answer[],
  options: Partial<TransferOptions> = {},
  target = new Memory(),
): Promise<{ readonly target: Memory; readonly asked: FileServer["asked"] }> {
  await using server = serveFile(FILE, ...answers);
  await transfer(server.url, target, { bytes: FILE.length, pause: 1, attempts: 3, ...options });
  return { target, asked: server.asked };
}

Deno.test("transfer() goes on where a connection broke, on condition that the file is the same", async () => {
  const seen: number[] = [];
  const { target, asked } = await fetched([{ cutAfter: 180_000 }, { cutAfter: 50_000 }, {}], {
    onProgress: (done) => seen.push(done),
  });
  assertEquals(target.bytes, FILE);
  assertEquals(asked.map(({ range }) => range), [undefined, "bytes=180000-", "bytes=230000-"]);
  assertEquals(asked.map(({ condition }) => condition), [undefined, tagOf(FILE), tagOf(FILE)]);
  assertEquals([seen[0], seen.at(-1)], [0, FILE.length]);
  assert(seen.every((done, i) => i === 0 || done >= seen[i - 1]!));
});

Deno.test("transfer() goes on with what an earlier visit left, and is done where nothing is missing", async () => {
  const target = new Memory();
  target.bytes = FILE.slice(0, 100_000);
  target.validator = tagOf(FILE);
  const { asked } = await fetched([], {}, target);
  assertEquals([target.bytes, asked[0]?.range], [FILE, "bytes=100000-"]);
  assertEquals((await fetched([], {}, target)).asked, []);
});

Deno.test("transfer() begins again where the server ignores ranges or has another version", async () => {
  const ignoring = await fetched([{ cutAfter: 180_000 }, { ignoreRange: true }]);
  assertEquals(ignoring.target.bytes, FILE);
  const changed = await fetched([{ file: OTHER, cutAfter: 180_000 }, {}]);
  assertEquals([changed.target.bytes, changed.target.validator], [FILE, tagOf(FILE)]);
  const outside = await fetched([{ cutAfter: 180_000 }, { status: 416 }, {}]);
  assertEquals(outside.target.bytes, FILE);
  const elsewhere = { headers: { "Content-Range": `bytes 7-${FILE.length - 1}/${FILE.length}` } };
  const another = await fetched([{ cutAfter: 180_000 }, elsewhere, {}]);
  assertEquals(another.target.bytes, FILE);
  assertEquals(another.asked.map(({ range }) => range), [undefined, "bytes=180000-", undefined]);
});

Deno.test("transfer() keeps what has arrived and gives up where connections bring nothing new", async () => {
  const target = new Memory();
  const nothing = { cutAfter: 0 };
  const failure = await assertRejects(() => fetched([{ cutAfter: 180_000 }, nothing], {}, target), Error);
  assertStringIncludes((failure as Error).message, "the connection");
  assertStringIncludes((failure as Error).message, "3 times in a row; what has arrived is kept");
  assertEquals(target.size, 180_000);
  const silent = await assertRejects(() => fetched([{ hangAfter: 1000 }, { hangAfter: 0 }], { idle: 50 }));
  assertStringIncludes((silent as Error).message, "nothing came for 0.05 s");
});

Deno.test("transfer() refuses what is not the file", async () => {
  for (
    const [answer, message] of [
      [{ file: FILE.slice(1) }, `the server has ${FILE.length - 1} bytes, ${FILE.length} are needed`],
      [{ headers: { "Content-Length": null }, file: Uint8Array.from([...FILE, 1]) }, "the server sends more than"],
      [{ headers: { "Content-Type": "text/html" } }, "a web page instead of a file"],
    ] as const
  ) {
    await assertRejects(() => fetched([answer]), WrongFile, message);
  }
  const gone = await assertRejects(() => fetched([{ status: 404 }]), Error, "the server answered 404");
  assert(!(gone instanceof WrongFile), "what has arrived may still be good");
});

Deno.test("transfer() stops at once when it is told to", async () => {
  const controller = new AbortController();
  const target = new Memory();
  const stopped = await assertRejects(() =>
    fetched([{ hangAfter: 1000 }], {
      signal: controller.signal,
      onProgress: (done) => done >= 1000 && controller.abort(new Error("Stopped")),
    }, target)
  );
  assertEquals([(stopped as Error).message, target.size], ["Stopped", 1000]);
});

Deno.test("sha256Of() is the hash of all bytes, also of none and of several parts", async () => {
  for (const length of [0, 1000, 9 << 20]) {
    const bytes = new Uint8Array(length).map((_, i) => i * 31);
    const expected = createHash("sha256").update(bytes).digest("hex");
    assertEquals(await sha256Of(readableBlob(new Blob([bytes]))), expected);
  }
});

const GOLDEN = new URL("../golden/", import.meta.url).pathname;

/** A folder of the disk as a browser gives it. */
async function folderOf(path: string): Promise<ModelFolder> {
  const files: { path: string; file: File }[] = [];
  const read = async (prefix: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${path}/${prefix}`)) {
      if (isDirectory) await read(`${prefix}${name}/`);
      else {
        const bytes = await Deno.readFile(`${path}/${prefix}${name}`);
        files.push({ path: prefix + name, file: new File([bytes], name) });
      }
    }
  };
  await read("");
  return { name: path.slice(path.lastIndexOf("/") + 1), files };
}

for (const name of ["diffusers-heads-tiny", "diffusers-celebahq-tiny"]) {
  Deno.test(`the folder ${name} is the same network in the page as for the commands`, async () => {
    const folder = await folderOf(`${GOLDEN}${name}`);
    const files = await openFiles(folder);
    using expected = await openModelFile(`${GOLDEN}${name}`);
    const [found, there] = [files.describe(), expected.describe()];
    assertEquals([found.description, found.notes.length], [there.description, there.notes.length]);
    const seen: number[] = [];
    assertEquals(await files.sha256((done) => seen.push(done)), await expected.sha256());
    assertEquals(seen.at(-1), files.size);
    const kept = { ...folder, files: folder.files.filter(({ path }) => files.paths!.includes(path)) };
    assertEquals((await openFiles(kept)).describe().description, found.description, "its files are enough");
  });
}

Deno.test("a folder without a network says what is missing", async () => {
  const { name, files } = await folderOf(`${GOLDEN}diffusers-heads-tiny`);
  const without = (pattern: RegExp): ModelFolder => ({ name, files: files.filter(({ path }) => !pattern.test(path)) });
  await assertRejects(() => openFiles(without(/unet\/config/)), Error, "config.json is needed in the folder unet");
  await assertRejects(() => openFiles(without(/safetensors/)), Error, "no weights are");
  await assertRejects(() => openFiles({ name: "holidays", files: [] }), Error, "no config.json of a network");
});

Deno.test("the list has what the page can use, with licence and source, and no hash that is not known", () => {
  const models = publishedModels();
  const names = models.map(({ name }) => name);
  assert(names.includes("256x256_diffusion_uncond.pt") && names.includes("ddpm-celebahq-256"));
  for (const name of ["256x256_classifier.pt", "64_256_upsampler.pt", "fastmri_knee_320_complex_1m.pt"]) {
    assert(!names.includes(name), name);
  }
  assertEquals(new Set(names).size, names.length);
  for (const model of models) {
    assert(model.about && model.licence && sizeOf(model)!.bytes > 1e8, model.name);
    assert(URL.canParse(model.page!), model.name);
    assert(model.sha256 === undefined || /^[0-9a-f]{64}$/.test(model.sha256), model.name);
    assert(!isOffered(model), "published models are on other hosts");
  }
});

Deno.test("writeListing() offers checkpoints by their hashes, behind the prior", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/default`);
    const prior = new URL("../../models/default/prior.safetensors", import.meta.url);
    await Deno.copyFile(prior, `${folder}/default/prior.safetensors`);
    const path = await quickModel();
    await writeListing(folder, [path], Deno.copyFile);
    const models: readonly ListedModel[] = JSON.parse(await Deno.readTextFile(`${folder}/models/models.json`));
    const [embedded, offered] = models;
    assertEquals([embedded?.isEmbedded, embedded?.parameters, embedded?.bytes], [true, 4_474_662, 8_977_460]);
    assert(offered && isOffered(offered));
    const bytes = await Deno.readFile(`${folder}/models/${offered.address}`);
    assertEquals(bytes, await Deno.readFile(path));
    assertEquals(offered.sha256, createHash("sha256").update(bytes).digest("hex"));
    assertEquals([offered.name, offered.bytes, offered.form], ["quick.safetensors", bytes.length, "safetensors"]);
    assertEquals(models.length, 2 + publishedModels().length);
    const offer = (name: string): Promise<void> => writeListing(folder, [`${folder}/${name}`], Deno.copyFile);
    await assertRejects(() => offer("none.pt"), Error, "there is no such file");
    await assertRejects(() => offer("models"), Error, "a file is needed");
    await assertRejects(() => offer("models/models.json"), Error, 'Cannot offer "');
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("fileAnswer() sends a file, or the part that is missing of the same version", async () => {
  const path = await Deno.makeTempFile({ suffix: ".pt" });
  try {
    await Deno.writeFile(path, FILE);
    const ask = (headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Response> =>
      fileAnswer(new Request("http://localhost/a.pt", { headers, method }), path, { "x-own": "1" });
    const whole = await ask();
    assertEquals(await whole.bytes(), FILE);
    assertEquals([whole.status, whole.headers.get("x-own")], [200, "1"]);
    const tag = whole.headers.get("etag")!;
    const part = await ask({ range: "bytes=200000-", "if-range": tag });
    assertEquals(await part.bytes(), FILE.subarray(200_000));
    assertEquals([part.status, part.headers.get("content-range")], [206, "bytes 200000-299999/300000"]);
    const changed = await ask({ range: "bytes=200000-", "if-range": '"other"' });
    assertEquals([(await changed.bytes()).length, changed.status], [FILE.length, 200]);
    assertEquals((await ask({ range: "bytes=300000-" })).status, 416);
    assertEquals((await ask({ "if-none-match": tag })).status, 304);
    const head = await ask({}, "HEAD");
    assertEquals([await head.text(), head.headers.get("content-length")], ["", "300000"]);
  } finally {
    await Deno.remove(path);
  }
});

const OFFERED: OfferedModel = {
  ...{ name: "a.pt", about: "a", licence: "none", form: "PyTorch", bytes: 100, sha256: "aa", address: "aa.pt" },
};

const LISTED: readonly ListedModel[] = [
  { name: "prior", about: "", licence: "", form: "safetensors", sha256: "00", isEmbedded: true },
  OFFERED,
  { name: "b.pt", about: "", licence: "", form: "PyTorch", parameters: 10, page: "https://example.org/" },
];

function keptModel(sha256: string, present = 100): KeptModel {
  const isComplete = present === 100;
  return { name: sha256, about: "", licence: "", form: "PyTorch", sha256, bytes: 100, present, isComplete };
}

/** A library over a store with some calls replaced. */
function library(replaced: Partial<ModelStore>): { readonly models: ModelLibrary; readonly asked: { count: number } } {
  const asked = { count: 0 };
  const store: ModelStore = {
    ...{ kept: () => Promise.resolve([]), free: () => Promise.resolve(1000) },
    ...{ download: () => Promise.resolve(), keep: () => Promise.resolve(), pause: () => Promise.resolve() },
    ...{ open: () => Promise.resolve(new File([], "a.pt")), remove: () => Promise.resolve(), ...replaced },
  };
  const storage = { persist: () => Promise.resolve(!!++asked.count), persisted: () => Promise.resolve(true) };
  const models = new ModelLibrary(() => store, {
    list: () => Promise.resolve(LISTED),
    address: "http://localhost/models/models.json",
    storage,
  });
  return { models, asked };
}

Deno.test("the library joins what is listed with what is kept, the prior first", async () => {
  const { models } = library({ kept: () => Promise.resolve([keptModel("aa", 60), keptModel("cc")]) });
  await models.refresh();
  assertEquals(models.here.value.map(({ key, kept }) => [key, kept?.present]), [["00", undefined], ["aa", 60], [
    "cc",
    100,
  ]]);
  assertEquals(models.elsewhere.value.map(({ name }) => name), ["b.pt"]);
  assertEquals([models.room.value, models.isPersistent.value], [{ used: 160, free: 1000 }, true]);
});

Deno.test("the library tells how far a download is, asks for storage that lasts, and what went wrong", async () => {
  let fail: (reason: unknown) => void = () => {};
  const { models, asked } = library({
    download: (_model, list, onPhase) => {
      assertEquals(list, "http://localhost/models/models.json");
      onPhase?.("fetch", 60);
      return new Promise((_, reject) => void (fail = reject));
    },
  });
  await models.refresh();
  const running = models.download(OFFERED);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(models.works.value.get("aa"), { phase: "fetch", done: 60, total: 100 });
  await models.download(OFFERED);
  assertEquals(asked.count, 1, "a second click does nothing");
  fail({ kind: "failure", message: "the server is off" });
  await running;
  assertEquals([models.works.value.size, models.trouble.value], [0, "the server is off"]);
  const again = models.download(OFFERED);
  await new Promise((resolve) => setTimeout(resolve));
  fail({ kind: "stopped", message: "Stopped" });
  await again;
  assertEquals([models.trouble.value, models.said.value], [null, "Stopped."]);
});

Deno.test("the library keeps of a folder what the network was read from", async () => {
  const given: unknown[] = [];
  const { models } = library({
    keep: ({ source }) => {
      given.push((source as ModelFolder).files.map(({ path }) => path));
      return Promise.resolve();
    },
  });
  const file = new File(["{}"], "x");
  const facts = { name: "f", sha256: "ff", parameterCount: 1, imageSize: 8, hasClasses: false, notes: [] };
  const paths = ["config.json", "a.bin"];
  const files = [...paths, "samples/1.png"].map((path) => ({ path, file }));
  await models.keep({ ...facts, paths }, { name: "f", files });
  assertEquals([given, models.said.value], [[paths], "f is kept."]);
});
