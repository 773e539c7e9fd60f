import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  countParameters,
  type Description,
  formatHubAddress,
  KNOWN_CHECKPOINTS,
  KNOWN_FOLDERS,
  knownCheckpoint,
  knownFolder,
  networkCost,
  planDescription,
} from "../../models/mod.ts";
import { SMALL_DDPM, SMALL_UNET } from "./described_networks.ts";

/** Multiply-adds of attention products by name, in thousand millions, as they were counted outside this program. */
const ATTENTION_GMAC: Readonly<Record<string, string>> = {
  "imagenet-256-uncond": "6.1",
  "imagenet-512": "6.1",
  "imagenet-128": "5.9",
  "imagenet-64": "6.2",
  "imagenet-64-to-256": "4.6",
  "imagenet-128-to-512": "8.7",
  "ffhq-256": "0.2",
  "celeba-hq-256": "0.3",
  "imagenet-256-classifier": "1.2",
  "imagenet-512-classifier": "1.2",
  "imagenet-128-classifier": "1.2",
  "imagenet-64-classifier": "2.4",
  "fastmri-320": "0.0",
  "aapm-256": "0.4",
};

for (const { name, description, parameters, gmac } of KNOWN_CHECKPOINTS) {
  Deno.test(`the network of ${name} has the parameters and the cost that the table says`, () => {
    const { plan } = planDescription(description);
    assertEquals(countParameters(plan.parameters), parameters);
    const { imageSize } = plan.config;
    const { macs, attentionMacs } = networkCost(plan, imageSize, imageSize);
    assertEquals((macs / 1e9).toFixed(1), gmac.toFixed(1));
    assertEquals((attentionMacs / 1e9).toFixed(1), ATTENTION_GMAC[name] ?? (attentionMacs / 1e9).toFixed(1));
  });
}

/** The network of CIFAR-10, as the DDPM authors' program is told of it. */
const CIFAR: Description = {
  ...SMALL_DDPM,
  ["image_size"]: 32,
  ["in_channels"]: 3,
  ["out_ch"]: 3,
  ["learn_sigma"]: false,
  ch: 128,
  ["ch_mult"]: [1, 2, 2, 2],
  ["num_res_blocks"]: 2,
  ["attn_resolutions"]: [16],
};

/** A network of another family that computes the same as a folder's, layer by layer. */
function sameNetwork(folder: string): Description {
  const name = folder.startsWith("diffusers-")
    ? folder.slice("diffusers-".length).replaceAll("_", "-")
    : "celeba-hq-256";
  return folder === "ddpm-cifar10-32" ? CIFAR : knownCheckpoint(name)!.description;
}

for (const { name, imageSize, parameters, gmac } of KNOWN_FOLDERS) {
  Deno.test(`the network of ${name} has the parameters and the cost of its other form`, () => {
    const { plan } = planDescription(sameNetwork(name));
    assertEquals([countParameters(plan.parameters), plan.config.imageSize], [parameters, imageSize]);
    assertEquals((networkCost(plan, imageSize, imageSize).macs / 1e9).toFixed(1), gmac.toFixed(1));
  });
}

Deno.test("every published folder is complete, and told apart from all checkpoints by its name", () => {
  const names = [...KNOWN_CHECKPOINTS, ...KNOWN_FOLDERS].map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  for (const { name, address, summary, licence, page } of KNOWN_FOLDERS) {
    assertMatch(formatHubAddress(address), new RegExp(`^hf:(google|openai)/${name}$`));
    assert(summary.length > 0 && page.endsWith(`/${name}`));
    assertEquals(licence, address.owner === "google" ? "apache-2.0" : "mit");
    assertEquals(knownFolder(name)?.address, address);
  }
  assertEquals(knownFolder("google/ddpm-cat-256"), undefined);
});

Deno.test("parameter counts agree with the published ones, in millions", () => {
  const published = { "imagenet-256": 554, "imagenet-512": 559, "imagenet-128": 422, "imagenet-64": 296 };
  const upsamplers = { "imagenet-64-to-256": 312, "imagenet-128-to-512": 309, "imagenet-256-classifier": 54 };
  for (const [name, millions] of Object.entries({ ...published, ...upsamplers, "celeba-hq-256": 114 })) {
    assertEquals(Math.round(knownCheckpoint(name)!.parameters / 1e6), millions, name);
  }
});

Deno.test("every row of the table is complete and told apart by its name and its file", () => {
  assertEquals(new Set(KNOWN_CHECKPOINTS.map(({ name }) => name)).size, KNOWN_CHECKPOINTS.length);
  assertEquals(new Set(KNOWN_CHECKPOINTS.map(({ file }) => file)).size, KNOWN_CHECKPOINTS.length);
  for (const { name, file, summary, licence, page, download, bytes, sha256, parameters } of KNOWN_CHECKPOINTS) {
    assertMatch(name, /^[a-z0-9-]+$/);
    assertMatch(file, /^\w+\.(pt|ckpt)$/);
    assert(summary.length > 0 && licence.length > 0);
    assertEquals(new URL(page).protocol, "https:");
    if (download !== undefined) assertEquals(new URL(download).pathname.split("/").at(-1), file);
    if (sha256 !== undefined) assertMatch(sha256, /^[0-9a-f]{64}$/);
    if (bytes !== undefined) assert(bytes > 4 * parameters && bytes < 4.04 * parameters, name);
  }
});

Deno.test("knownCheckpoint() finds rows by name and by file name", () => {
  assertEquals(knownCheckpoint("ffhq-256")?.file, "ffhq_10m.pt");
  assertEquals(knownCheckpoint("ffhq_10m.pt")?.name, "ffhq-256");
  assertEquals(knownCheckpoint("ffhq"), undefined);
});

Deno.test("networkCost() grows with the image, and faster where tokens attend to each other", () => {
  const { plan } = planDescription(SMALL_UNET);
  const small = networkCost(plan, 48, 48);
  const large = networkCost(plan, 96, 96);
  assertEquals(large.attentionMacs, 16 * small.attentionMacs);
  const convolutions = (cost: typeof small): number => cost.macs - cost.attentionMacs;
  assert(convolutions(large) > 3.9 * convolutions(small) && convolutions(large) < 4 * convolutions(small));
  assertEquals(networkCost(plan, 48, 96).macs > small.macs, true);
});

Deno.test("networkCost() of a small DDPM network is what a hand count gives", () => {
  const { plan } = planDescription({ ...SMALL_DDPM, ch_mult: [1], num_res_blocks: 1, attn_resolutions: [] });
  const pixels = 16 * 16;
  const embedding = 32 * 128 + 128 * 128;
  const residual = (inputs: number): number =>
    pixels * 9 * 32 * (inputs + 32) + 128 * 32 + (inputs === 32 ? 0 : pixels * inputs * 32);
  const attention = 2 * pixels * pixels * 32 + 4 * pixels * 32 * 32;
  const ends = pixels * 9 * 32 * (1 + 2);
  const expected = embedding + ends + 3 * residual(32) + 2 * residual(64) + attention;
  assertEquals(networkCost(plan, 16, 16), { macs: expected, attentionMacs: 2 * pixels * pixels * 32 });
});

Deno.test("networkCost() refuses sizes that the network cannot take", () => {
  assertThrows(() => networkCost(planDescription(SMALL_UNET).plan, 50, 48), TypeError, "multiples of 4");
});
