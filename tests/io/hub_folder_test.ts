import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fetchHubFolder, FileError, type HubFetchOptions, type HubPlan } from "../../io/mod.ts";
import { readHubAddress } from "../../models/mod.ts";
import { type Folder, withFolder } from "../cli/run_command.ts";
import {
  brokenAnswer,
  bytesOf,
  fileAnswer,
  type HubBehaviour,
  type HubServer,
  type ListedEntry,
  type Repository,
  serveHub,
} from "./hub_server.ts";

const WEIGHTS = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 11 + (i >> 8)) & 255);
const FILE = "unet/diffusion_pytorch_model.safetensors";
const WEIGHTS_PATH = `/lab/net/resolve/main/${FILE}`;
const LISTING_PATH = "/api/models/lab/net/tree/main";
const ADDRESS = readHubAddress("hf:lab/net")!;

/** Quick enough for tests. */
const QUICK: HubFetchOptions = { pause: 1, idle: 5000, attempts: 3 };

/** A pipeline with more in it than its network needs. */
const PIPELINE: Repository = {
  "README.md": "A network.",
  "model_index.json": {
    _class_name: "DDPMPipeline",
    scheduler: ["diffusers", "DDPMScheduler"],
    unet: ["diffusers", "UNet2DModel"],
  },
  "unet/config.json": { _class_name: "UNet2DModel", down_block_types: ["DownBlock2D"], up_block_types: ["UpBlock2D"] },
  "scheduler/scheduler_config.json": { _class_name: "DDPMScheduler" },
  "unet/diffusion_pytorch_model.bin": bytesOf("the same, pickled"),
  [FILE]: WEIGHTS,
};

interface Case {
  readonly folder: Folder;
  readonly server: HubServer;
  readonly path: string;
}

async function withHub(
  repository: Repository,
  behaviour: HubBehaviour,
  body: (given: Case) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await using server = serveHub(repository, behaviour);
    await body({ folder, server, path: folder.path("net") });
  });
}

/** The folder is refused with a message that holds `message`, and nothing is left; tells what was asked for. */
async function refused(
  message: string,
  repository: Repository,
  behaviour: HubBehaviour = {},
): Promise<readonly string[]> {
  let asked: readonly string[] = [];
  await withHub(repository, behaviour, async ({ folder, server, path }) => {
    const error = await assertRejects(() => fetchHubFolder(ADDRESS, path, server.url, QUICK), FileError);
    assertStringIncludes((error as Error).message, message);
    assertEquals(folder.list(), []);
    asked = server.asked.map((request) => request.path);
  });
  return asked;
}

/** An answer to one path. */
function at(wanted: string, answer: (request: Request) => Response | undefined): HubBehaviour {
  return { answer: (path, request) => path === wanted ? answer(request) : undefined };
}

/** The listing with other entries for the weights. */
function relisted(changed: ListedEntry): HubBehaviour {
  return { listing: (entries) => entries.map((entry) => entry["path"] === FILE ? { ...entry, ...changed } : entry) };
}

Deno.test("fetchHubFolder() fetches what makes the network, and nothing else", async () => {
  await withHub(PIPELINE, {}, async ({ folder, server, path }) => {
    const plans: HubPlan[] = [];
    const onPlan = (plan: HubPlan): void => {
      plans.push(plan);
      assertEquals(server.asked.some((request) => request.path === WEIGHTS_PATH), false);
    };
    const files = await fetchHubFolder(ADDRESS, path, `${server.url}/`, { ...QUICK, onPlan });
    const wanted = ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json", FILE];
    assertEquals(files.map((file) => file.path), wanted);
    assertEquals(files.map(({ checked }) => checked), [false, false, false, true]);
    for (const name of wanted) assertEquals(await Deno.readFile(`${path}/${name}`), bytesOf(PIPELINE[name]));
    assertEquals([folder.list(), folder.list("net")], [["net"], ["model_index.json", "scheduler", "unet"]]);
    assertEquals(folder.list("net/unet"), ["config.json", "diffusion_pytorch_model.safetensors"]);
    const bytes = wanted.reduce((sum, name) => sum + bytesOf(PIPELINE[name]).length, 0);
    assertEquals(plans.map((plan) => [plan.bytes, plan.variant, plan.hasScheduler]), [[bytes, undefined, true]]);
    assertEquals(server.asked.length, 5);
  });
});

Deno.test("fetchHubFolder() takes everything from the root, and parts of weights with their index", async () => {
  const parts = [1, 2].map((part) => `diffusion_pytorch_model.fp16-0000${part}-of-00002.safetensors`);
  const root: Repository = {
    "config.json": PIPELINE["unet/config.json"],
    "diffusion_pytorch_model.safetensors.index.fp16.json": { weight_map: { a: parts[1], b: parts[0], c: parts[1] } },
    [parts[0]!]: WEIGHTS,
    [parts[1]!]: WEIGHTS.subarray(0, 1000),
  };
  await withHub(root, {}, async ({ folder, server, path }) => {
    const plans: HubPlan[] = [];
    await fetchHubFolder(ADDRESS, path, server.url, { ...QUICK, onPlan: (plan) => void plans.push(plan) });
    assertEquals(folder.list("net"), Object.keys(root).sort());
    assertEquals([plans[0]!.variant, plans[0]!.hasScheduler], ["fp16", false]);
  });
});

Deno.test("fetchHubFolder() follows relative redirects to another server, and goes on there after a drop", async () => {
  let count = 0;
  const store = at("/blobs/1", () => count++ === 0 ? brokenAnswer(WEIGHTS, 50_000) : undefined);
  await using blobs = serveHub({ "/blobs/1": WEIGHTS }, store);
  const moves: Record<string, string> = { [WEIGHTS_PATH]: "/cdn/1", "/cdn/1": `${blobs.url}/blobs/1` };
  const answer = (path: string): Response | undefined =>
    moves[path] === undefined ? undefined : new Response(null, { status: 302, headers: { Location: moves[path] } });
  await withHub(PIPELINE, { answer }, async ({ server, path }) => {
    await fetchHubFolder(ADDRESS, path, server.url, QUICK);
    assertEquals(await Deno.readFile(`${path}/${FILE}`), WEIGHTS);
    assertEquals(blobs.asked.map(({ range }) => range), [null, "bytes=50000-"]);
  });
});

Deno.test("fetchHubFolder() goes on in a later run, also where the server ignores ranges", async () => {
  for (const ignoring of [false, true]) {
    let isDown = true;
    const behaviour = at(WEIGHTS_PATH, () => {
      if (isDown) return brokenAnswer(WEIGHTS, 80_000);
      return ignoring ? fileAnswer(WEIGHTS, null) : undefined;
    });
    await withHub(PIPELINE, behaviour, async ({ folder, server, path }) => {
      const attempt = (): Promise<readonly { resumed: number }[]> => fetchHubFolder(ADDRESS, path, server.url, QUICK);
      await assertRejects(attempt, FileError, "brought nothing new; what has arrived (80000 bytes) is kept");
      assertEquals(folder.list(), ["net.part"]);
      folder.write("net.part/unet/diffusion_pytorch_model.bin", WEIGHTS);
      isDown = false;
      const files = await attempt();
      assertEquals(files.at(-1)!.resumed, ignoring ? 0 : 80_000);
      assertEquals(folder.list("net/unet"), ["config.json", "diffusion_pytorch_model.safetensors"]);
      assertEquals(await Deno.readFile(`${path}/${FILE}`), WEIGHTS);
      assertEquals(folder.list(), ["net"]);
    });
  }
});

Deno.test("fetchHubFolder() keeps whole parts that have the published hash, and fetches the others again", async () => {
  const names = [1, 2].map((part) => `diffusion_pytorch_model-0000${part}-of-00002.safetensors`);
  const parted: Repository = {
    "config.json": PIPELINE["unet/config.json"],
    "diffusion_pytorch_model.safetensors.index.json": { weight_map: { a: names[0], b: names[1] } },
    [names[0]!]: WEIGHTS,
    [names[1]!]: WEIGHTS.toReversed(),
  };
  let isDown = true;
  const last = at(`/lab/net/resolve/main/${names[1]}`, () => isDown ? new Response(null, { status: 404 }) : undefined);
  await withHub(parted, last, async ({ folder, server, path }) => {
    await assertRejects(() => fetchHubFolder(ADDRESS, path, server.url, QUICK), FileError, "answered 404");
    assertEquals(folder.list(), ["net.part"]);
    isDown = false;
    const files = await fetchHubFolder(ADDRESS, path, server.url, QUICK);
    assertEquals(files.slice(2).map(({ resumed }) => resumed), [WEIGHTS.length, 0]);
    assertEquals(server.asked.filter((request) => request.path.endsWith(names[0]!)).length, 1);
  });
});

Deno.test("fetchHubFolder() stops at once on a signal and keeps what has arrived", async () => {
  await withHub(PIPELINE, {}, async ({ folder, server, path }) => {
    const stop = new AbortController();
    const onPlan = (): void => stop.abort(new Error("enough"));
    const run = fetchHubFolder(ADDRESS, path, server.url, { ...QUICK, onPlan, signal: stop.signal });
    await assertRejects(() => run, Error, "enough");
    assertEquals(folder.list(), ["net.part"]);
  });
});

Deno.test("fetchHubFolder() replaces nothing, and shares its folder with no other process", async () => {
  const slow = at(WEIGHTS_PATH, () => new Response(new ReadableStream()));
  await withHub(PIPELINE, slow, async ({ folder, server, path }) => {
    const stop = new AbortController();
    const first = fetchHubFolder(ADDRESS, path, server.url, { ...QUICK, signal: stop.signal });
    while (!server.asked.some((request) => request.path === WEIGHTS_PATH)) await new Promise((go) => setTimeout(go, 5));
    await assertRejects(() => fetchHubFolder(ADDRESS, path, server.url, QUICK), FileError, "another process");
    stop.abort(new Error("enough"));
    await assertRejects(() => first, Error, "enough");
    await assertRejects(() => fetchHubFolder(ADDRESS, folder.path(""), server.url, QUICK), FileError, "there already");
  });
});

Deno.test("fetchHubFolder() refuses files of another size or hash than the list says, and keeps nothing", async () => {
  const other = WEIGHTS.map((byte) => byte ^ 1);
  await refused(
    "is needed; it is another file, or was damaged",
    PIPELINE,
    at(WEIGHTS_PATH, () => fileAnswer(other, null)),
  );
  const short = at(WEIGHTS_PATH, () => fileAnswer(WEIGHTS.slice(0, 1000), null));
  await refused("the server has 1000 bytes, 200000 are expected", PIPELINE, short);
  await refused("it is another file", PIPELINE, relisted({ lfs: { oid: "0".repeat(64), size: 200_000 } }));
  await refused("200000 bytes", PIPELINE, relisted({ size: 7, lfs: undefined }));
  await refused("a web page instead of a file", PIPELINE, at(WEIGHTS_PATH, () => page()));
  await refused("no JSON", { ...PIPELINE, "unet/config.json": '{"_class_name": ' });
  await refused("the server answered 404", PIPELINE, at(WEIGHTS_PATH, () => new Response(null, { status: 404 })));
});

Deno.test("fetchHubFolder() says why the Hub gives no list of files, or no file", async () => {
  const status = (path: string, status: number, headers = {}): HubBehaviour =>
    at(path, () => new Response("{}", { status, headers }));
  const missing = "there is no such repository, or it is private";
  await refused(`Cannot fetch "hf:lab/net": the server answered 401: ${missing}`, PIPELINE, status(LISTING_PATH, 401));
  await refused(missing, PIPELINE, status(LISTING_PATH, 404));
  const revision = { "X-Error-Code": "RevisionNotFound" };
  await refused('it has no revision "main"', PIPELINE, status(LISTING_PATH, 404, revision));
  await refused("gated or private, and tokens are not supported", PIPELINE, status(WEIGHTS_PATH, 401));
  await refused("https://huggingface.co/lab/net", PIPELINE, status(WEIGHTS_PATH, 403));
  for (const overload of [429, 500]) {
    await refused(`the server answered ${overload}, 3 times in a row`, PIPELINE, status(LISTING_PATH, overload));
    await refused(`the server answered ${overload}, 3 connections in a row`, PIPELINE, status(WEIGHTS_PATH, overload));
  }
});

Deno.test("fetchHubFolder() asks a second time where a server was overloaded", async () => {
  let count = 0;
  const busy = at(LISTING_PATH, () => count++ === 0 ? new Response(null, { status: 429 }) : undefined);
  await withHub(PIPELINE, busy, async ({ server, path }) => {
    const notes: string[] = [];
    await fetchHubFolder(ADDRESS, path, server.url, { ...QUICK, onNote: (text) => void notes.push(text) });
    assertEquals(notes, ["the server answered 429; asking again for the list of files"]);
  });
});

Deno.test("fetchHubFolder() refuses what is no list of files", async () => {
  const sent = (body: string, headers = {}): HubBehaviour => at(LISTING_PATH, () => new Response(body, { headers }));
  await refused("the server sent a web page that is no JSON", PIPELINE, at(LISTING_PATH, page));
  await refused("something that is no JSON", PIPELINE, sent("[{"));
  await refused("an object instead of a list of files", PIPELINE, sent('{"error": "no"}'));
  await refused("more than 8388608 bytes", PIPELINE, sent(" ".repeat(9e6)));
  await refused("more than 100 pages", PIPELINE, sent("[]", { Link: `<${LISTING_PATH}>; rel="next"` }));
  await refused("another server", PIPELINE, sent("[]", { Link: '<http://127.0.0.2/>; rel="next"' }));
  await refused("it leads to", PIPELINE, at(LISTING_PATH, () => moved(LISTING_PATH)));
  await using other = serveHub(PIPELINE);
  await refused(
    "name that endpoint if you trust it",
    PIPELINE,
    at(LISTING_PATH, () => moved(other.url + LISTING_PATH)),
  );
  await refused("round in a circle", PIPELINE, at(WEIGHTS_PATH, () => moved(WEIGHTS_PATH)));
  await refused("twice", PIPELINE, { listing: (entries) => [...entries, entries.at(-1)] });
  const silent = at(LISTING_PATH, () => new Response(new ReadableStream()));
  await withHub(PIPELINE, silent, async ({ server, path }) => {
    const run = (): Promise<unknown> => fetchHubFolder(ADDRESS, path, server.url, { ...QUICK, idle: 30 });
    await assertRejects(run, FileError, "nothing came for 0.03 s, 3 times in a row");
  });
});

Deno.test("fetchHubFolder() reads all pages of a list", async () => {
  const answer = (path: string, request: Request): Response | undefined => {
    if (path !== LISTING_PATH || request.url.includes("cursor")) return undefined;
    return Response.json([], { headers: { Link: `<${request.url}&cursor=2>; rel="next"` } });
  };
  await withHub(PIPELINE, { answer }, async ({ server, path }) => {
    assertEquals((await fetchHubFolder(ADDRESS, path, server.url, QUICK)).length, 4);
  });
});

Deno.test("fetchHubFolder() writes no path that leads out of its folder", async () => {
  const wild = [
    "../out.json",
    "/out.json",
    "unet/../../out.json",
    "..\\out.json",
    "C:/out.json",
    "unet//out.json",
    "a\nb",
  ];
  for (const path of wild) {
    const listing = (entries: readonly ListedEntry[]): unknown => [...entries, { type: "file", path, size: 1 }];
    await refused("a path inside the repository is needed", PIPELINE, { listing });
  }
  const index = "unet/diffusion_pytorch_model.safetensors.index.json";
  const { [FILE]: _, "unet/diffusion_pytorch_model.bin": __, ...rest } = PIPELINE;
  for (const part of ["../model_index.json", "/etc/hosts", "part.safetensors", 3]) {
    await refused("which is not beside it", { ...rest, [index]: { weight_map: { a: part } } });
  }
});

Deno.test("fetchHubFolder() refuses other networks before it fetches weights", async () => {
  const spared = async (message: string, changed: Repository): Promise<void> => {
    const asked = await refused(message, { ...PIPELINE, ...changed });
    assertEquals(asked.filter((path) => path.includes("diffusion_pytorch_model")), []);
  };
  await spared('a "vqvae"', { "model_index.json": { vqvae: ["diffusers", "VQModel"], unet: [] } });
  await spared('a "text_encoder"', { "model_index.json": { text_encoder: [] } });
  await spared("UNet2DConditionModel", { "unet/config.json": { _class_name: "UNet2DConditionModel" } });
  const skip = '{"_class_name": "UNet2DModel", "down_block_types": ["SkipDownBlock2D"]}';
  await spared("SkipDownBlock2D", { "unet/config.json": skip });
  await spared("fourier", { "unet/config.json": { _class_name: "UNet2DModel", time_embedding_type: "fourier" } });
});

function page(): Response {
  return new Response("<html></html>", { headers: { "Content-Type": "text/html" } });
}

function moved(location: string): Response {
  return new Response(null, { status: 307, headers: { Location: location } });
}
