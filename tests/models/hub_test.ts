import { assertEquals, assertThrows } from "@std/assert";
import {
  chooseWeights,
  formatHubAddress,
  hubFileUrl,
  hubFolderName,
  hubListingUrl,
  hubPage,
  pipelineLayout,
  readHubAddress,
  readHubListing,
  requirePixelNetwork,
} from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";

const STEM = "diffusion_pytorch_model";

Deno.test("readHubAddress() reads addresses with and without a revision, and pages", () => {
  const plain = { owner: "google", name: "ddpm-cat-256", revision: "main" };
  assertEquals(readHubAddress("hf:google/ddpm-cat-256"), plain);
  assertEquals(readHubAddress("https://huggingface.co/google/ddpm-cat-256"), plain);
  assertEquals(readHubAddress("https://huggingface.co/google/ddpm-cat-256/tree/main/"), plain);
  assertEquals(readHubAddress("hf:a/b.c@refs/pr/1"), { owner: "a", name: "b.c", revision: "refs/pr/1" });
  assertEquals(readHubAddress("https://huggingface.co/a/b/tree/refs%2Fpr%2F1")?.revision, "refs/pr/1");
  for (const other of ["imagenet-256", "https://huggingface.co/a/b/resolve/main/x.pt", "http://a/b", "hf", "a/b"]) {
    assertEquals(readHubAddress(other), undefined);
  }
});

Deno.test("readHubAddress() refuses what could lead elsewhere", () => {
  const wrong = [
    "",
    "a",
    "a/",
    "/b",
    "../b",
    "a/..",
    "a/b/c",
    "a/b@",
    "a/b@../c",
    "a/b@/c",
    "a/b@c/",
    "a b/c",
    "a/b?c",
  ];
  for (const text of [...wrong, "a/b#c", "a/b--c", "a/.b", "a/b.", "a/b@c//d", "a\\b/c", `a/${"b".repeat(97)}`]) {
    assertThrows(() => readHubAddress(`hf:${text}`), UsageError, "hf:OWNER/NAME or hf:OWNER/NAME@REVISION is needed");
  }
});

Deno.test("a Hub address gives the folder, the page and the places of its files", () => {
  const [plain, other] = [readHubAddress("hf:a/b")!, readHubAddress("hf:a/b@refs/pr/1")!];
  assertEquals([plain, other].map(formatHubAddress), ["hf:a/b", "hf:a/b@refs/pr/1"]);
  assertEquals([plain, other].map(hubFolderName), ["a--b", "a--b@refs%2Fpr%2F1"]);
  assertEquals(hubPage(other), "https://huggingface.co/a/b");
  assertEquals(hubListingUrl(other, "http://h"), "http://h/api/models/a/b/tree/refs%2Fpr%2F1?recursive=true");
  assertEquals(hubFileUrl(plain, "unet/x y#.bin", "http://h"), "http://h/a/b/resolve/main/unet/x%20y%23.bin");
});

Deno.test("readHubListing() takes sizes and hashes of large files from where their contents are", () => {
  const oid = "A1".repeat(32);
  const entries = [
    { type: "directory", path: "unet", size: 0 },
    { type: "file", path: "a\\b.txt", size: 3, oid: "git" },
    { type: "file", path: "unet/x.bin", size: 130, lfs: { oid, size: 5000 } },
  ];
  assertEquals(readHubListing(entries), [
    { path: "a\\b.txt", size: 3, sha256: undefined },
    { path: "unet/x.bin", size: 5000, sha256: oid.toLowerCase() },
  ]);
  const refused = (message: string, entry: unknown): unknown =>
    assertThrows(() => readHubListing([entry]), TypeError, message);
  refused("entry 0 of the list of files is null", null);
  refused("names no path", { type: "file" });
  refused('the size of "x" is -1', { type: "file", path: "x", size: -1 });
  refused('the SHA-256 of "x" is "12"', { type: "file", path: "x", size: 1, lfs: { oid: "12" } });
});

Deno.test("pipelineLayout() finds components in folders of their own, or in the root", () => {
  const layout = (...paths: string[]): unknown[] => Object.values(pipelineLayout(new Set(paths)));
  const both = ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"];
  assertEquals(layout(...both, "config.json", "scheduler_config.json"), [...both, "unet/"]);
  const root = ["model_index.json", "config.json", "scheduler_config.json"];
  assertEquals(layout(...root), [...root, ""]);
  assertEquals(layout("config.json"), [undefined, "config.json", undefined, ""]);
  const message = "neither unet/config.json nor config.json";
  assertThrows(() => layout("README.md"), TypeError, message);
  assertThrows(() => layout("a.pt", "b/c.safetensors"), TypeError, "a file (a.pt, b/c.safetensors) is fetched by its");
});

Deno.test("chooseWeights() takes plain weights before variants, safetensors before pickles, whole ones before parts", () => {
  const inOrder = [
    `${STEM}.safetensors`,
    `${STEM}.safetensors.index.json`,
    `${STEM}.bin`,
    `${STEM}.bin.index.json`,
    `${STEM}.ema.safetensors`,
    `${STEM}.bf16.bin`,
    `${STEM}.fp16.safetensors`,
    `${STEM}.safetensors.index.fp16.json`,
    `${STEM}.fp16.bin`,
    `${STEM}.int8.safetensors`,
    `${STEM}.non_ema.safetensors`,
  ];
  const others = ["config.json", `${STEM}-00001-of-00002.safetensors`, `${STEM}.msgpack`, "model.safetensors"];
  for (const [i, path] of inOrder.entries()) {
    const variant = /\b(ema|bf16|fp16|int8|non_ema)\b/.exec(path)?.[1];
    assertEquals(chooseWeights([...others, ...inOrder.slice(i).reverse()]), {
      path,
      isIndex: path.endsWith(".json"),
      variant,
    });
  }
  assertThrows(() => chooseWeights(others), TypeError, "its network has no weights");
});

Deno.test("requirePixelNetwork() takes the published networks, with and without a pipeline", () => {
  const network = { ["_class_name"]: "UNet2DModel", ["up_block_types"]: ["ResnetUpsampleBlock2D", "AttnUpBlock2D"] };
  requirePixelNetwork(undefined, network);
  requirePixelNetwork({ ["_class_name"]: "DDPMPipeline", unet: ["diffusers", "UNet2DModel"], scheduler: [] }, network);
  assertThrows(() => requirePixelNetwork([], network), TypeError, "model_index.json holds [], an object is needed");
  assertThrows(() => requirePixelNetwork(undefined, {}), TypeError, "its config.json says no class");
});
