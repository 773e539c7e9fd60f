import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { ReferenceRuntime, type Tensors } from "../../engine/mod.ts";
import { FileSource, readImage } from "../../io/mod.ts";
import { centre, colourRaster, crop, resize } from "../../raster/mod.ts";
import { KNOWN_CHECKPOINTS, KNOWN_FOLDERS, openClassifier, openSafetensors } from "../../models/mod.ts";
import { serveFile } from "../io/file_server.ts";
import { SMALL_CLASSIFIER } from "../models/described_networks.ts";
import { BY_CLASS, randomModel } from "./random_model.ts";
import { commandTest, type Folder, runCommand, runWell, withFolder } from "./run_command.ts";
import { emptyCheckpoint, SMALL_CHECKPOINTS } from "./small_checkpoints.ts";

const SMALL = SMALL_CHECKPOINTS[0]!;
const SMALL_BYTES = Deno.readFileSync(SMALL.files[0]!);
const SMALL_HASH = createHash("sha256").update(SMALL_BYTES).digest("hex");

/** How much is published. */
const PUBLISHED = KNOWN_CHECKPOINTS.length + KNOWN_FOLDERS.length;

interface ModelRow {
  readonly name: string;
  readonly presence: string;
  readonly hash: string | null;
  readonly config: Readonly<Record<string, unknown>>;
}

async function listed(folder: Folder, ...words: string[]): Promise<{ code: number; rows: Map<string, ModelRow> }> {
  const { code, stdout } = await runCommand(["models", "--json", "--dir", folder.path(""), ...words]);
  const { models } = JSON.parse(stdout.trim().split("\n").at(-1)!) as { models: ModelRow[] };
  return { code, rows: new Map(models.map((row) => [row.name, row])) };
}

/** A file of zeros of this size, which takes no room on most disks. */
async function zeros(folder: Folder, name: string, size: number): Promise<void> {
  await Deno.truncate(folder.write(name, new Uint8Array()), size);
}

Deno.test("models lists every published checkpoint with size, cost, terms and place", async () => {
  await withFolder(async (folder) => {
    const { stdout } = await runWell(["models", "--dir", folder.path("")]);
    for (const { name, file, licence, page, sha256 } of KNOWN_CHECKPOINTS) {
      for (const text of [name, file, licence, page, sha256 ?? ""]) assertStringIncludes(stdout, text);
    }
    for (const { name, address: { owner }, licence, page } of KNOWN_FOLDERS) {
      for (const text of [`    hf:${owner}/${name}`.trim(), licence, page]) assertStringIncludes(stdout, text);
    }
    assertStringIncludes(stdout, "imagenet-256-uncond     552.8 M parameters, 1119.8 GMAC\n");
    assertStringIncludes(stdout, "256x256_diffusion_uncond.pt, 2,211,383,297 bytes");
    assertStringIncludes(stdout, `0 of ${PUBLISHED} in "`);
    assertEquals((await runWell(["models", "list", "--dir", folder.path("missing")])).code, 0);
  });
});

Deno.test("models says which files are there, by name and size", async () => {
  await withFolder(async (folder) => {
    await zeros(folder, "256x256_diffusion_uncond.pt", 2_211_383_297);
    await zeros(folder, "ffhq_10m.pt", 4 * 93_563_910 + 100_000);
    await zeros(folder, "celeba_hq.ckpt", 1000);
    await zeros(folder, "lsun_cat.pt.part", 1000);
    folder.folder("64x64_classifier.pt");
    folder.folder("google--ddpm-cat-256");
    folder.folder("google--ddpm-church-256.part");
    const { code, rows } = await listed(folder);
    assertEquals(code, 0);
    const presence = (name: string): string | undefined => rows.get(name)?.presence;
    assertEquals(presence("imagenet-256-uncond"), "present");
    assertEquals(presence("ffhq-256"), "present");
    assertEquals(presence("celeba-hq-256"), "other size");
    assertEquals(presence("lsun-cat"), "partial");
    assertEquals(presence("imagenet-64-classifier"), "absent");
    assertEquals(presence("ddpm-cat-256"), "present");
    assertEquals(presence("ddpm-church-256"), "partial");
    assertEquals(presence("ddpm-cifar10-32"), "absent");
    assertEquals(rows.get("imagenet-64")?.config["image_size"], 64);
    const { stdout } = await runWell(["models", "--dir", folder.path("")]);
    assertMatch(stdout, /ffhq-256 .*\[present: .*\/ffhq_10m\.pt\]/);
    assertStringIncludes(stdout, `4 of ${PUBLISHED} in "`);
  });
});

Deno.test("models --hash reads what is there and fails where a published hash differs", async () => {
  await withFolder(async (folder) => {
    folder.write("celeba_hq.ckpt", SMALL_BYTES);
    const fine = await listed(folder, "--hash");
    assertEquals([fine.code, fine.rows.get("celeba-hq-256")?.hash], [0, SMALL_HASH]);
    folder.write("256x256_diffusion_uncond.pt", SMALL_BYTES);
    const wrong = await listed(folder, "--hash");
    assertEquals([wrong.code, wrong.rows.get("imagenet-256-uncond")?.presence], [1, "other hash"]);
  });
});

Deno.test("models inspect says what a published checkpoint is and what an evaluation costs", async () => {
  await withFolder(async (folder) => {
    const file = await emptyCheckpoint(folder, "x.safetensors", "celeba-hq-256");
    const { stdout } = await runWell(["models", "inspect", file]);
    const line = (name: string): string => new RegExp(`^${name} +(.*)$`, "m").exec(stdout)?.[1] ?? "";
    assertEquals(line("parameters"), "113,673,219");
    assertEquals(line("architecture"), "ddpm");
    assertEquals(line("noise_schedule"), "linear");
    assertEquals(line("element types"), "F32 x 450");
    assertEquals(line("cost"), "248.5 GMAC at 256x256, of them attention 0.340");
    assertEquals(line("published as"), "celeba-hq-256, bedroom-256, church-256");
    const { stdout: json } = await runWell(["models", "inspect", file, "--size", "512", "--json"]);
    const data = JSON.parse(json);
    assertEquals([data.size, data.config.attn_resolutions], [512, [16]]);
    assert(data.gmac > 4 * 248 && data.attentionGmac > 15 * 0.3397, `${data.gmac}`);
  });
});

Deno.test("models inspect shows what is certain of a network of one's own, and what is open", async () => {
  const { stdout } = await runWell(["models", "inspect", SMALL.files[1]!, "--size", "16"]);
  assertMatch(stdout, /^file +.*guided_legacy\.ckpt: pytorch-legacy, 56,607 bytes$/m);
  assertMatch(stdout, /^tensors +70 in "state_dict"$/m);
  assertMatch(stdout, /^parameters +184,838$/m);
  assertMatch(stdout, /^cost +0\.035 GMAC at 16x16/m);
  assertStringIncludes(stdout, "--attention-order           order of attention channels: legacy or new");
  const answered = await runWell(["models", "inspect", SMALL.files[1]!, ...SMALL.answers]);
  assertEquals(answered.stdout.includes("--attention-order"), false);
  assertMatch(answered.stdout, /^cost +0\.035 GMAC at 16x16/m);
  const unsized = await runWell(["models", "inspect", SMALL.files[1]!]);
  assertEquals(/^cost/m.test(unsized.stdout), false);
});

Deno.test("models inspect reads the embedded model, which says what it is", async () => {
  const prior = new URL("../../models/default/prior.safetensors", import.meta.url).pathname;
  const { stdout } = await runWell(["models", "inspect", prior]);
  assertMatch(stdout, /^parameters +4,474,662$/m);
  assertMatch(stdout, /^value_range +-1, 1$/m);
  const { code, stderr } = await runCommand(["models", "inspect", prior, "--size", "60"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--size 60 does not fit the network");
});

Deno.test("models refuses what does not belong together", async () => {
  const refused = async (message: string, ...words: string[]): Promise<void> => {
    const { code, stderr } = await runCommand(["models", ...words]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, message);
  };
  await refused('models has no action "fatch", one of list, inspect, fetch, classify is needed', "fatch", "x");
  await refused('"models inspect" needs a FILE', "inspect");
  await refused('"models fetch" needs a NAME, a URL or hf:OWNER/NAME', "fetch");
  await refused('"models list" was given "x"', "list", "x");
  await refused('--size does not belong to "models list"', "--size", "3");
  await refused('--hash does not belong to "models inspect"', "inspect", "x", "--hash");
  await refused('there is no known checkpoint "imagenet-265"; did you mean', "fetch", "imagenet-265");
  await refused("save ffhq_10m.pt in", "fetch", "ffhq-256");
  await refused("64 hexadecimal digits are needed", "fetch", "http://127.0.0.1/x.pt", "--sha256", "abc");
  await refused("give one with --out FILE", "fetch", "http://127.0.0.1/");
  await refused("no address of a model, hf:OWNER/NAME", "fetch", "hf:google");
  await refused("--sha256 belongs to a file", "fetch", "hf:google/ddpm-cat-256", "--sha256", "0".repeat(64));
  await refused(
    "--endpoint belongs to hf:OWNER/NAME",
    "fetch",
    "http://127.0.0.1/x.pt",
    "--endpoint",
    "http://127.0.0.1",
  );
  await refused("--from belongs to the name", "fetch", "http://127.0.0.1/x.pt", "--from", "http://127.0.0.1/y.pt");
});

Deno.test("models fetch downloads an address into the folder, checks it, and refuses to replace it", async () => {
  await withFolder(async (folder) => {
    await using server = serveFile(SMALL_BYTES, { cutAfter: 20_000 }, {});
    const words = ["models", "fetch", server.url, "--dir", folder.path("new/models"), "--sha256", SMALL_HASH];
    const { stdout, stderr } = await runWell(words);
    assertStringIncludes(stdout, `SHA-256 ${SMALL_HASH}, as published`);
    assertStringIncludes(stderr, "connecting again");
    assertEquals(await Deno.readFile(folder.path("new/models/model.pt")), SMALL_BYTES);
    assertEquals(folder.list("new/models"), ["model.pt"]);
    assertEquals(server.asked.length, 2);
    const again = await runCommand(words);
    assertEquals([again.code, server.asked.length], [2, 2]);
    assertStringIncludes(again.stderr, "is there already");
  });
});

Deno.test("models fetch of a published checkpoint takes no file of another size, hash or content", async () => {
  await withFolder(async (folder) => {
    const fetched = async (
      name: string,
      ...words: string[]
    ): Promise<{ code: number; stdout: string; stderr: string }> => {
      await using server = serveFile(SMALL_BYTES);
      return await runCommand(["models", "fetch", name, "--from", server.url, "--dir", folder.path(""), ...words]);
    };
    const sized = await fetched("imagenet-256-uncond");
    assertEquals(sized.code, 1);
    assertStringIncludes(sized.stderr, "the server has 55779 bytes, 2211383297 are expected");
    const hashed = await fetched("ffhq-256", "--sha256", "0".repeat(64));
    assertEquals(hashed.code, 1);
    assertStringIncludes(hashed.stderr, `its SHA-256 is ${SMALL_HASH}`);
    assertEquals(folder.list(), []);
    const other = await fetched("ffhq-256");
    assertEquals(other.code, 0);
    assertStringIncludes(other.stderr, "no terms published");
    assertStringIncludes(other.stderr, "The file was kept, but: Cannot load");
    assertStringIncludes(other.stdout, "no SHA-256 is published to compare with");
    assertEquals(folder.list(), ["ffhq_10m.pt"]);
  });
});

Deno.test("models fetch prints progress and result as JSON", async () => {
  await withFolder(async (folder) => {
    await using server = serveFile(SMALL_BYTES);
    const { stdout } = await runWell(["models", "fetch", server.url, "--out", folder.path("a.pt"), "--json"]);
    const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.filter(({ event }) => event === "step").map(({ phase, step }) => [phase, step]).at(-1), [
      "check",
      100,
    ]);
    const { event, bytes, sha256, resumed, checked } = events.at(-1);
    assertEquals([event, bytes, sha256, resumed, checked], ["result", 55_779, SMALL_HASH, 0, false]);
  });
});

commandTest("models classify shows what openClassifier() gives for the central square of a picture", async (folder) => {
  const model = await randomModel(folder, "classifier.safetensors", SMALL_CLASSIFIER);
  const picture = folder.picture("wide.png", { width: 48, height: 32 });
  const { stdout } = await runWell(["models", "classify", model, picture, "--top", "3", "--json"]);
  const { size, of, classes } = JSON.parse(stdout) as {
    size: number;
    of: number;
    classes: { class: number; probability: number; logit: number }[];
  };
  using source = await FileSource.open(model);
  const runtime = new ReferenceRuntime();
  const classifier = await openClassifier(runtime, await openSafetensors(source));
  assertEquals([size, of, classes.length], [classifier.config.imageSize, classifier.config.outChannels, 3]);
  const raster = colourRaster(await readImage(picture));
  const { data } = resize(crop(raster, centre(raster, { width: 32, height: 32 })), { width: size, height: size });
  const stage = runtime.stage("classify", ({ x }: Tensors<"x">) => ({ logits: classifier.logits(x, 0) }));
  const logits = await (await stage({ x: runtime.upload(data, [1, size, size, 3]) }, {})).logits.read();
  const sum = logits.reduce((sum, value) => sum + Math.exp(value), 0);
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
  assertEquals(classes.map((row) => row.class), order.slice(0, 3));
  for (const { class: index, probability, logit } of classes) {
    assert(Math.abs(logit - logits[index]!) < 1e-4, `logit ${logit} against ${logits[index]}`);
    assert(Math.abs(probability - Math.exp(logits[index]!) / sum) < 1e-4, `${probability}`);
  }
  const text = await runWell(["models", "classify", model, picture]);
  assertStringIncludes(text.stdout, `class ${String(order[0]).padStart(6)}`);
  const unet = await randomModel(folder, "unet.safetensors", BY_CLASS);
  const refused = await runCommand(["models", "classify", unet, picture]);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, '"guided-diffusion-classifier" is needed');
  assertEquals((await runCommand(["models", "classify", model])).code, 2);
});

/** A process with the permissions that a task of deno.json gives. */
async function runTask(task: string, words: readonly string[]): Promise<Deno.ChildProcess> {
  const root = new URL("../../", import.meta.url).pathname;
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`)) as {
    tasks: Record<string, { command: string }>;
  };
  const given = tasks[task]!.command.split(" ").filter((word) => !word.includes("=") || word.startsWith("-"));
  const args = [...given.slice(1).map((word) => word.endsWith(".ts") ? root + word : word), ...words];
  return new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
}

Deno.test({
  name: "Ctrl-C stops a download that hangs, with exit code 130, and the same command goes on from what has arrived",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withFolder(async (folder) => {
      await using server = serveFile(SMALL_BYTES, { hangAfter: 20_000 }, {});
      const words = ["fetch", server.url, "--dir", folder.path("")];
      const child = await runTask("models", words);
      const size = (): Promise<number> => Deno.stat(folder.path("model.pt.part")).then(({ size }) => size, () => 0);
      while (await size() < 20_000) await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill("SIGINT");
      const { code, stderr } = await child.output();
      assertEquals(code, 130);
      assertStringIncludes(new TextDecoder().decode(stderr), "the same command goes on from it");
      const { stdout } = await runWell(["models", ...words, "--json"]);
      assertEquals(JSON.parse(stdout.trim().split("\n").at(-1)!).resumed, 20_000);
      assertEquals(folder.list(), ["model.pt"]);
    });
  },
});
