/** Rows for the options of the commands that make files of networks, and of `setup`. */
// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { FileSource } from "../../../io/mod.ts";
import { openSafetensors, planDescription, safetensorsBytes } from "../../../models/mod.ts";
import { SMALL_CLASSIFIER } from "../../models/described_networks.ts";
import { randomTensorsOf } from "../../models/random_checkpoint.ts";
import type { Materials } from "./materials.ts";
import { descriptionRows } from "./shared_rows.ts";
import { type Row, type Words } from "./table.ts";

/** All options of `samples`. */
export async function samplesRows(materials: Materials): Promise<readonly Row[]> {
  const { folder, tiny, byClass } = materials;
  const description = {
    ...SMALL_CLASSIFIER,
    image_size: 8,
    channel_mult: [1],
    attention_resolutions: [],
    pool: "adaptive",
  };
  const classifier = folder.write(
    "classifier.safetensors",
    await safetensorsBytes({
      tensors: randomTensorsOf(planDescription(description).plan.parameters, 1),
      metadata: new Map([["config", JSON.stringify(description)]]),
    }),
  );
  const line = (...options: string[]): Words => ["samples", "@.png", ...options];
  const small = [`--model=${tiny}`, "--rows=1", "--columns=2"];
  const usual = line(...small, "--steps=2");
  const guided = [...usual, `--classifier=${classifier}`, "--class=1"];
  const size = async (ran: { picture(): Promise<{ width: number; height: number }> }): Promise<number[]> => {
    const { width, height } = await ran.picture();
    return [width, height];
  };
  const differs = (option: string, without: Words, given: Words): Row => ({
    option,
    without,
    given,
    check: (one, other) => assertNotEquals(one.bytes(), other.bytes()),
  });
  return [
    differs("steps", usual, line(...small, "--steps=3")),
    differs("ancestral", usual, [...usual, "--ancestral"]),
    {
      option: "rows",
      without: usual,
      given: line(`--model=${tiny}`, "--rows=2", "--columns=1", "--steps=2"),
      async check(one, two): Promise<void> {
        const [[width = 0, height = 0], [narrow = 0, tall = 0]] = [await size(one), await size(two)];
        assertEquals([narrow, tall], [height, width], "one above the other");
      },
    },
    {
      option: "columns",
      without: usual,
      given: line(`--model=${tiny}`, "--rows=1", "--columns=1", "--steps=2"),
      async check(two, one): Promise<void> {
        const [[wide = 0, height], [narrow = 0, same]] = [await size(two), await size(one)];
        assertEquals(same, height);
        assert(wide >= 2 * narrow - 16 && wide > narrow, `${wide}, ${narrow}`);
      },
    },
    differs("model", usual, line(`--model=${byClass}`, "--class=1", ...small.slice(1), "--steps=2")),
    differs(
      "class",
      line(`--model=${byClass}`, "--class=1", ...small.slice(1), "--steps=2"),
      line(`--model=${byClass}`, "--class=3", ...small.slice(1), "--steps=2"),
    ),
    differs("classifier", usual, guided),
    {
      option: "guidance",
      without: guided,
      given: [...guided, "--guidance=0"],
      check(towards, free, run): Promise<void> {
        assertNotEquals(towards.bytes(), free.bytes());
        return run(usual).then((plain) => assertEquals(free.bytes(), plain.bytes(), "no weight, no classifier"));
      },
    },
    ...descriptionRows(materials, {
      line: (model, options) => line(`--model=${model}`, ...small.slice(1), "--steps=2", ...options),
      outcome: (ran) => ran.bytes(),
      isLong: true,
    }),
  ];
}

/** All options of `random-checkpoint`. */
export function randomCheckpointRows(): readonly Row[] {
  const line = (...options: string[]): Words => ["random-checkpoint", "@.safetensors", ...options];
  const read = async (
    { out }: { readonly out: string },
  ): Promise<{ dtypes: string[]; config: Record<string, unknown> }> => {
    using source = await FileSource.open(`${out}.safetensors`);
    const file = await openSafetensors(source);
    return {
      dtypes: [...new Set(Array.from(file.tensors.values(), ({ dtype }) => dtype))],
      config: JSON.parse(file.metadata.get("config")!),
    };
  };
  return [
    {
      option: "network",
      without: line("--network=unknown"),
      given: line("--network=tiny"),
      codes: [2, 0],
      async check(unknown, tiny): Promise<void> {
        assertEquals([unknown.has(".safetensors"), tiny.has(".safetensors")], [false, true]);
        assertEquals((await read(tiny)).config["image_size"], 32);
      },
    },
    {
      option: "dtype",
      without: line("--network=tiny"),
      given: line("--network=tiny", "--dtype=f32"),
      async check(usual, wide): Promise<void> {
        assertEquals([(await read(usual)).dtypes, (await read(wide)).dtypes], [["F16"], ["F32"]]);
      },
    },
  ];
}
