/** `deno task random-checkpoint`: a file with the shapes of a measured network and random values. */
import { CHECKPOINT_DTYPES, type CheckpointDtype, NETWORKS, writeRandomCheckpoint } from "../bench/mod.ts";
import { atomicWriter } from "../io/mod.ts";
import type { Arguments, Command } from "./arguments.ts";

const DEFAULTS = { network: "imagenet-256", dtype: "f16" } as const;

/** The command `random-checkpoint`. */
export const RANDOM_CHECKPOINT: Command = {
  spec: {
    name: "random-checkpoint",
    summary:
      "Writes a checkpoint with the exact shapes of a measured network and random values, so that networks of\n" +
      "published size can be loaded and run without their weights.",
    operands: { usage: "FILE", min: 1, max: 1 },
    options: {
      network: {
        kind: "choice",
        value: "NAME",
        choices: Object.keys(NETWORKS).filter((name) => NETWORKS[name]!.description),
        help: `Whose shapes, see below (default ${DEFAULTS.network})`,
      },
      dtype: { kind: "choice", choices: CHECKPOINT_DTYPES, help: `Element type (default ${DEFAULTS.dtype})` },
    },
    lists: [{
      title: "Networks",
      rows: Object.entries(NETWORKS).filter(([, { description }]) => description).map((
        [name, { summary }],
      ) => [name, summary]),
    }],
    examples: [["deno task random-checkpoint net.safetensors --network unet-64", "a small network"]],
  },
  async run(args: Arguments): Promise<number> {
    const { description } = NETWORKS[args.text("network") ?? DEFAULTS.network]!;
    const dtype = (args.text("dtype") ?? DEFAULTS.dtype) as CheckpointDtype;
    const writer = await atomicWriter(args.operands[0]!);
    try {
      await writeRandomCheckpoint(description!, dtype, (bytes) => writer.write(bytes));
      await writer.commit();
      return 0;
    } catch (error) {
      await writer.abort();
      throw error;
    }
  },
};
