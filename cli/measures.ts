/** The networks that measure pictures, LPIPS and Inception, with the weights that the user has. */
import type { Runtime } from "../engine/mod.ts";
import type { Measures } from "../evaluation/mod.ts";
import { FileSource, sha256OfFile } from "../io/mod.ts";
import { INCEPTION_PREPARATIONS, inceptionFeatures, openLpips } from "../metrics/mod.ts";
import { type Checkpoint, openCheckpoint, openInception, PERCEPTUAL_NETWORKS } from "../models/mod.ts";
import { type OptionSpec, UsageError } from "../parameters/mod.ts";
import type { Arguments } from "./arguments.ts";

/** The options that name these networks; `verb` begins their help, such as "Compute". */
export function measureOptions(verb: string): Readonly<Record<string, OptionSpec>> {
  return {
    "lpips-weights": { kind: "text", value: "FILE", help: `${verb} LPIPS with this VGG16 or AlexNet` },
    "lpips-linear": { kind: "text", value: "FILE", help: "Linear weights of LPIPS (default: in the same file)" },
    "lpips-network": {
      kind: "choice",
      choices: PERCEPTUAL_NETWORKS,
      help: "Which network it is (default: as it looks)",
    },
    inception: { kind: "text", value: "FILE", help: `${verb} the Frechet distance (FID) with this Inception v3` },
    preparation: {
      kind: "choice",
      choices: INCEPTION_PREPARATIONS,
      help: "How pictures are brought to Inception's size and range (default pytorch)",
    },
  };
}

/**
 * The networks that a command line names.
 * @param runtime opens the device, at most once
 * @throws {UsageError} if an option belongs to a network that is not named
 */
export function measuresOf(args: Arguments, runtime: () => Promise<Runtime>): Measures {
  const [weights, inception] = [args.text("lpips-weights"), args.text("inception")];
  for (const option of ["lpips-linear", "lpips-network"]) {
    if (args.has(option) && weights === undefined) throw new UsageError(`--${option} needs --lpips-weights FILE`);
  }
  if (args.has("preparation") && inception === undefined) throw new UsageError("--preparation needs --inception FILE");
  const linear = args.text("lpips-linear") ?? weights;
  const network = PERCEPTUAL_NETWORKS.find((name) => name === args.text("lpips-network"));
  const preparation = INCEPTION_PREPARATIONS.find((name) => name === args.text("preparation"));
  return {
    lpips: weights === undefined ? undefined : {
      key: async () => [await sha256OfFile(weights), await sha256OfFile(linear!), network ?? null],
      load: () =>
        withCheckpoint(
          weights,
          (features) =>
            withCheckpoint(linear!, async (linear) =>
              openLpips(await runtime(), { features, linear, ...(network ? { network } : {}) })),
        ),
    },
    inception: inception === undefined ? undefined : {
      key: async () => [await sha256OfFile(inception), preparation ?? null],
      load: () =>
        withCheckpoint(inception, async (file) => {
          const device = await runtime();
          return inceptionFeatures(device, await openInception(device, file), preparation);
        }),
    },
  };
}

/** Opens a checkpoint for as long as `use` runs. */
async function withCheckpoint<T>(path: string, use: (file: Checkpoint) => Promise<T>): Promise<T> {
  using source = await FileSource.open(path);
  return await use(await openCheckpoint(source));
}
