import { assertEquals, assertStringIncludes } from "@std/assert";
import { HUB_VARIABLE } from "../../io/mod.ts";
import { bytesOf, hashOf, type HubBehaviour, type Repository, serveHub } from "../io/hub_server.ts";
import { runCommand, runWell, withFolder } from "./run_command.ts";

const WEIGHTS = bytesOf("weights");
const NETWORK = '{"_class_name": "UNet2DModel"}';
const REPOSITORY: Repository = { "config.json": NETWORK, "diffusion_pytorch_model.fp16.bin": WEIGHTS };

Deno.test("models fetch hf:OWNER/NAME tells the cost, writes a folder and refuses to replace it", async () => {
  await withFolder(async (folder) => {
    await using server = serveHub(REPOSITORY);
    const words = ["models", "fetch", "hf:lab/net", `--dir=${folder.path("new")}`, `--endpoint=${server.url}`];
    const { stdout, stderr } = await runWell(words);
    const bytes = NETWORK.length + WEIGHTS.length;
    assertStringIncludes(
      stderr,
      `hf:lab/net: 2 files of the variant fp16, ${bytes} bytes; terms: https://huggingface.co/lab/net\n`,
    );
    assertStringIncludes(stderr, "It says nothing of the process that the network was trained with");
    assertStringIncludes(stdout, `wrote ${folder.path("new/lab--net")} (${bytes} bytes)`);
    assertStringIncludes(stdout, `diffusion_pytorch_model.fp16.bin  SHA-256 ${hashOf(WEIGHTS)}, as published`);
    assertEquals(folder.list("new"), ["lab--net"]);
    assertEquals(folder.list("new/lab--net"), Object.keys(REPOSITORY).sort());
    const asked = server.asked.length;
    const again = await runCommand(words);
    assertEquals([again.code, server.asked.length], [2, asked]);
    assertStringIncludes(again.stderr, "is there already");
  });
});

Deno.test("models fetch of a published folder asks for its repository, at HF_ENDPOINT where that is set", async () => {
  await withFolder(async (folder) => {
    await using server = serveHub(REPOSITORY, { answer: (path) => path.includes("/lab/") ? undefined : missing() });
    const before = Deno.env.get(HUB_VARIABLE);
    Deno.env.set(HUB_VARIABLE, server.url);
    try {
      const { code, stderr } = await runCommand(["models", "fetch", "ddpm-cat-256", `--dir=${folder.path("")}`]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, 'Cannot fetch "hf:google/ddpm-cat-256": the server answered 401');
      assertEquals(server.asked[0]!.path, "/api/models/google/ddpm-cat-256/tree/main");
      await runWell(["models", "fetch", "hf:lab/net", `--out=${folder.path("mine")}`]);
    } finally {
      if (before === undefined) Deno.env.delete(HUB_VARIABLE);
      else Deno.env.set(HUB_VARIABLE, before);
    }
    assertEquals(folder.list(), ["mine"]);
  });
});

Deno.test("models fetch hf:OWNER/NAME ends with code 1 and leaves nothing where the Hub gives another file", async () => {
  const other: HubBehaviour = { answer: (path) => path.endsWith(".bin") ? new Response("wEights") : undefined };
  await withFolder(async (folder) => {
    await using server = serveHub(REPOSITORY, other);
    const words = ["models", "fetch", "hf:lab/net", `--dir=${folder.path("")}`, `--endpoint=${server.url}`];
    const { code, stdout, stderr } = await runCommand([...words, "--json"]);
    assertEquals([code, folder.list()], [1, []]);
    assertStringIncludes(stderr, `${hashOf(WEIGHTS)} is needed`);
    assertEquals(stdout.includes('"event":"result"'), false);
  });
});

Deno.test("models fetch hf:OWNER/NAME prints what it fetched as JSON", async () => {
  await withFolder(async (folder) => {
    await using server = serveHub(REPOSITORY);
    const words = ["models", "fetch", "hf:lab/net", `--dir=${folder.path("")}`, `--endpoint=${server.url}`, "--json"];
    const { stdout } = await runWell(words);
    const { event, address, bytes, files } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    assertEquals([event, address, bytes], ["result", "hf:lab/net", NETWORK.length + WEIGHTS.length]);
    assertEquals(files.map((file: { path: string; checked: boolean }) => [file.path, file.checked]), [
      ["config.json", false],
      ["diffusion_pytorch_model.fp16.bin", true],
    ]);
  });
});

Deno.test("hf:OWNER/NAME names the folder that was fetched of it, or else the command that fetches it", async () => {
  const golden = new URL("../golden/diffusers-celebahq-tiny/", import.meta.url).pathname;
  await withFolder(async (folder) => {
    const here = Deno.cwd();
    Deno.chdir(folder.path(""));
    try {
      const { code, stderr } = await runCommand(["models", "inspect", "hf:lab/net"]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, '"deno task models fetch hf:lab/net" fetches it');
      const target = folder.folder("models-downloaded") + "/lab--net";
      await Deno.mkdir(target);
      for await (const { name } of Deno.readDir(golden)) await Deno.copyFile(golden + name, `${target}/${name}`);
      const { stdout } = await runWell(["models", "inspect", "hf:lab/net", "--json"]);
      assertEquals(JSON.parse(stdout.trim()).parameters, 66_267);
    } finally {
      Deno.chdir(here);
    }
  });
});

function missing(): Response {
  return new Response("{}", { status: 401 });
}
