/** Rows for the options of `verify`, `convert` and `models`. */
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FileSource } from "../../../io/mod.ts";
import { KNOWN_CHECKPOINTS, openSafetensors } from "../../../models/mod.ts";
import { serveFile } from "../../io/file_server.ts";
import { serveHub } from "../../io/hub_server.ts";
import { SMALL_CLASSIFIER } from "../../models/described_networks.ts";
import { randomModel } from "../random_model.ts";
import { runWell } from "../run_command.ts";
import { SMALL_CHECKPOINTS } from "../small_checkpoints.ts";
import { goldenPath, writeCopy } from "../../conformance/reference_files.ts";
import { type Materials } from "./materials.ts";
import { descriptionRows, runtimeRows } from "./shared_rows.ts";
import { type Ran, type Row, type Words } from "./table.ts";

/** All options of `verify`. */
export async function verifyRows({ folder, tiny }: Materials): Promise<readonly Row[]> {
  // Without gradients and layers in between there is little to compute.
  const unet = await writeCopy(goldenPath("unet-guided-a-tiny"), folder.path("unet.safetensors"), {
    keep: /^(model\.|input\.|output)/,
  });
  const spoiled = await writeCopy(unet, folder.path("spoiled.safetensors"), { spoil: ["input.x"] });
  const line = (...options: string[]): Words => ["verify", unet, "--json", ...options];
  const errors = (ran: Ran): readonly number[] =>
    ran.stdout.trim().split("\n").map((row) => JSON.parse(row)).flatMap(({ error }) => error ?? []);
  const [, legacy] = SMALL_CHECKPOINTS[0]!.files;
  const converted = folder.path("converted.safetensors");
  return [
    {
      option: "against",
      without: ["verify", tiny],
      given: ["verify", tiny, `--against=${tiny}`],
      codes: [0, 0],
      async check(alone, same, run): Promise<void> {
        assertMatch(alone.stdout, /it holds weights and nothing to compare/);
        assertMatch(same.stdout, /\b88 ok, 0 FAILED|ok, 0 FAILED/);
        const other = await writeCopy(tiny, folder.path("altered.safetensors"), { alter: ["out.0.bias"] });
        const differs = await run(["verify", other, `--against=${tiny}`]);
        assertEquals(differs.code, 1);
        assertMatch(differs.stdout, /out\.0\.bias .*FAILED/);
      },
    },
    {
      option: "state-dict",
      without: ["verify", converted, `--against=${legacy}`, "--state-dict=state_dict"],
      given: ["verify", converted, `--against=${legacy}`, "--state-dict=ema"],
      async around<T>(body: () => Promise<T>): Promise<T> {
        await runWell(["convert", legacy!, converted, ...SMALL_CHECKPOINTS[0]!.answers]);
        return await body();
      },
      codes: [0, 1],
      check: (_, other) => assertStringIncludes(other.stderr + other.stdout, 'no state dict "ema"'),
    },
    {
      option: "json",
      without: ["verify", unet],
      given: line(),
      check(text, json): void {
        assertMatch(text.stdout, /^file +quantity +error +limit +status$/m);
        assertEquals([json.printed("summary.exitCode"), json.printed("summary.files")], [0, 1]);
      },
    },
    {
      option: "precision",
      without: line(),
      given: line("--precision=f16"),
      check: (f32, f16) => assert(Math.max(...errors(f16)) >= Math.max(...errors(f32)), "rounded weights err more"),
    },
    ...runtimeRows(folder, {
      line: line(),
      numbers: errors,
      tolerance: 1e-3,
      spoiled: { line: ["verify", spoiled, "--json"], code: 1, scope: /out\.\d/ },
    }).map((row) =>
      row.option === "check-finite"
        ? { ...row, check: (_: Ran, given: Ran): void => assertMatch(given.stdout + given.stderr, /NaN|finite/) }
        : row
    ),
  ];
}

/** What a configuration says of what tensors leave open; where it leaves out a number of heads, there is one of channels. */
function configOf(ran: Ran): readonly unknown[] {
  const config = ran.printed("config") as Readonly<Record<string, unknown>>;
  const width = Number(config["num_head_channels"] ?? -1);
  const heads = width > 0 ? 32 / width : config["num_heads"];
  const named = ["image_size", "use_new_attention_order", "noise_schedule", "diffusion_steps", "value_range"];
  return [heads, config["prediction_type"] ?? "epsilon", ...named.map((key) => config[key])];
}

/** All options of `convert`. */
export function convertRows(materials: Materials): readonly Row[] {
  const { bare } = materials;
  const told = ["--image-size=8", "--head-channels=16", "--attention-order=legacy", "--schedule=linear"];
  const line = (...options: string[]): Words => [
    ...["convert", bare, "@.safetensors", ...told, "--diffusion-steps=1000", "--value-range=-1..1", ...options],
  ];
  return [
    {
      option: "dtype",
      without: line(),
      given: line("--dtype=bf16"),
      async check(same, narrow): Promise<void> {
        using source = await FileSource.open(`${narrow.out}.safetensors`);
        const dtypes = [...(await openSafetensors(source)).tensors.values()].map(({ dtype }) => dtype);
        assertEquals([...new Set(dtypes)], ["BF16"]);
        const size = (ran: Ran): number => ran.bytes(".safetensors").length;
        assert(Math.abs(size(narrow) / size(same) - 0.5) < 0.02, `${size(narrow)} of ${size(same)} bytes`);
      },
    },
    ...descriptionRows(materials, {
      line: (model, options) => ["convert", model, "@.safetensors", "--json", ...options],
      outcome: configOf,
    }),
    {
      option: "json",
      without: line(),
      given: line("--json"),
      check(text, json): void {
        assertStringIncludes(text.stdout, `wrote ${text.out}.safetensors`);
        assertEquals([json.printed("event"), json.printed("parameters")], ["result", 197_702]);
        assertEquals(json.bytes(".safetensors"), text.bytes(".safetensors"));
      },
    },
  ];
}

/** All options of `models`. */
export async function modelsRows(materials: Materials): Promise<readonly Row[]> {
  const { folder, small, tiny } = materials;
  const classifier = await randomModel(folder, "classifier.safetensors", {
    ...SMALL_CLASSIFIER,
    image_size: 8,
    channel_mult: [1, 2],
    attention_resolutions: [2],
    pool: "adaptive",
  });
  const broken = await writeCopy(classifier, folder.path("broken-classifier.safetensors"), {
    spoil: ["input_blocks.0.0.bias"],
  });
  const downloads = folder.folder("downloads");
  const bytes = await Deno.readFile(SMALL_CHECKPOINTS[0]!.files[0]!);
  const sha256 = Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  folder.write("downloads/celeba_hq.ckpt", bytes);
  const classify = (...options: string[]): Words => ["models", "classify", classifier, small, "--json", ...options];
  const logits = (ran: Ran): readonly number[] =>
    (ran.printed("classes") as { class: number; logit: number }[]).toSorted((a, b) => a.class - b.class)
      .map(({ logit }) => logit);
  const listed = (ran: Ran): Record<string, unknown> =>
    (ran.printed("models") as Record<string, unknown>[]).find(({ name }) => name === "celeba-hq-256")!;
  const server = serveFile(bytes);
  const hub = serveHub({ "config.json": '{"_class_name": "UNet2DModel"}', "diffusion_pytorch_model.bin": bytes });
  for (const one of [server, hub]) materials.later.push(async () => await one[Symbol.asyncDispose]());
  return [
    {
      option: "dir",
      without: ["models", "--json", `--dir=${folder.path("nothing")}`],
      given: ["models", "--json", `--dir=${downloads}`],
      check(empty, given): void {
        assertEquals([listed(empty)["presence"], listed(given)["presence"]], ["absent", "other size"]);
        assertEquals(given.printed("folder"), downloads);
      },
    },
    {
      option: "hash",
      without: ["models", "--json", `--dir=${downloads}`],
      given: ["models", "--json", `--dir=${downloads}`, "--hash"],
      check: (unread, read) => assertEquals([listed(unread)["hash"], listed(read)["hash"]], [null, sha256]),
    },
    {
      option: "size",
      without: ["models", "inspect", tiny, "--json"],
      given: ["models", "inspect", tiny, "--json", "--size=16"],
      check(usual, given): void {
        assertEquals([usual.printed("size"), given.printed("size")], [8, 16]);
        const convolutions = (ran: Ran): number =>
          (ran.printed("gmac") as number) - (ran.printed("attentionGmac") as number);
        // Four times the pixels: four times the work, but for the embedding of the timestep; of attention 16 times.
        assertAlmostEquals(convolutions(given) / convolutions(usual), 4, 0.2);
        assertAlmostEquals(
          (given.printed("attentionGmac") as number) / (usual.printed("attentionGmac") as number),
          16,
          0.1,
        );
      },
    },
    ...fetchRows(server.url, bytes, sha256),
    {
      option: "endpoint",
      without: ["models", "fetch", "hf:lab/net", "--out=@", "--endpoint=file:///"],
      given: ["models", "fetch", "hf:lab/net", "--out=@", `--endpoint=${hub.url}`],
      codes: [1, 0],
      check(elsewhere, given): void {
        assertStringIncludes(elsewhere.stderr, "an address that begins with http: or https: is needed");
        assertEquals(given.bytes("/diffusion_pytorch_model.bin"), bytes);
      },
    },
    {
      option: "top",
      without: classify("--cpu"),
      given: classify("--cpu", "--top=2"),
      check(usual, given): void {
        const shown = (ran: Ran): unknown[] => ran.printed("classes") as unknown[];
        assertEquals([shown(usual).length, shown(given).length], [5, 2]);
        assertEquals(shown(given), shown(usual).slice(0, 2));
      },
    },
    {
      option: "precision",
      without: classify("--cpu", "--top=10"),
      given: classify("--cpu", "--top=10", "--precision=f16"),
      check(f32, f16): void {
        const apart = Math.max(...logits(f32).map((value, i) => Math.abs(value - logits(f16)[i]!)));
        assert(apart > 0 && apart < 0.01, `${apart}`);
      },
    },
    ...runtimeRows(folder, {
      line: classify("--top=10"),
      numbers: logits,
      tolerance: 1e-3,
      spoiled: {
        line: ["models", "classify", broken, small, "--json", "--top=10"],
        code: 0,
        scope: /input_blocks\.0/,
      },
    }),
    ...descriptionRows(materials, {
      line: (model, options) => ["models", "inspect", model, "--json", ...options],
      outcome: configOf,
      openCode: 0,
    }),
    {
      option: "json",
      without: ["models", "inspect", tiny],
      given: ["models", "inspect", tiny, "--json"],
      check(text, json): void {
        assertMatch(text.stdout, /^parameters +197,702$/m);
        assertEquals(json.printed("parameters"), 197_702);
      },
    },
  ];
}

/** The options of `models fetch`, with a server of one file; what has an address of its own is not asked for. */
function fetchRows(url: string, bytes: Uint8Array, sha256: string): readonly Row[] {
  const paged = KNOWN_CHECKPOINTS.find(({ download, sha256 }) => download === undefined && sha256 === undefined)!;
  return [
    {
      option: "out",
      without: ["models", "fetch", url, "--dir=@", "--json"],
      given: ["models", "fetch", url, "--out=@.bin", "--json"],
      check(usual, given): void {
        assertEquals([usual.has("/model.pt"), given.has(".bin")], [true, true]);
        assertEquals(given.bytes(".bin"), bytes);
      },
    },
    {
      option: "from",
      without: ["models", "fetch", paged.name, "--dir=@", "--json"],
      given: ["models", "fetch", paged.name, "--dir=@", "--json", `--from=${url}`],
      codes: [2, 0],
      check(alone, given): void {
        assertStringIncludes(alone.stderr, "name another address with --from URL");
        assertEquals(given.bytes(`/${paged.file}`), bytes);
        assertEquals(given.printed("url"), url);
      },
    },
    {
      option: "sha256",
      without: ["models", "fetch", url, "--out=@.bin", "--json"],
      given: ["models", "fetch", url, "--out=@.bin", "--json", `--sha256=${"0".repeat(64)}`],
      codes: [0, 1],
      async check(unchecked, wrong, run): Promise<void> {
        assertEquals([unchecked.printed("checked"), unchecked.printed("sha256")], [false, sha256]);
        assertEquals(wrong.has(".bin"), false);
        const right = await run(["models", "fetch", url, "--out=@.bin", "--json", `--sha256=${sha256}`]);
        assertEquals(right.printed("checked"), true);
      },
    },
  ];
}
