/** The networks that measure pictures, LPIPS and Inception, with the weights that the user has. */
import type { Runtime } from "../engine/mod.ts";
import { INCEPTION_PREPARATIONS, inceptionFeatures, openLpips } from "../metrics/mod.ts";
import { type ByteSource, type Checkpoint, openCheckpoint, openInception, PERCEPTUAL_NETWORKS } from "../models/mod.ts";
import { type OptionSpec, type OptionValues, textOf, UsageError } from "../parameters/mod.ts";
import type { Measures } from "./passes.ts";

/**
 * The options that name these networks.
 * @param verb begins their help, such as "Compute"
 */
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

/** What the networks are read from, and where they run. */
export interface MeasureFiles {
  /** SHA-256 of a file, as 64 hexadecimal digits; it throws if the file cannot be read. */
  sha256(path: string): Promise<string>;
  /** Opens a file, which is closed after use; it throws if the file cannot be read. */
  open(path: string): Promise<ByteSource & Disposable>;
  /** Where they run; asked for whenever a network is loaded, and not before. */
  runtime(): Promise<Runtime>;
}

/**
 * The networks that options name; no file is opened before a network is needed.
 * @param values values of `measureOptions`, by option names; others are left out
 * @param files what reads them
 * @throws {UsageError} if an option belongs to a network that is not named
 */
export function measuresOf(values: OptionValues, files: MeasureFiles): Measures {
  const [weights, inception] = [textOf(values, "lpips-weights"), textOf(values, "inception")];
  for (const option of ["lpips-linear", "lpips-network"]) {
    if (values[option] !== undefined && weights === undefined) {
      throw new UsageError(`--${option} needs --lpips-weights FILE`);
    }
  }
  if (values["preparation"] !== undefined && inception === undefined) {
    throw new UsageError("--preparation needs --inception FILE");
  }
  const linear = textOf(values, "lpips-linear") ?? weights;
  const network = PERCEPTUAL_NETWORKS.find((name) => name === values["lpips-network"]);
  const preparation = INCEPTION_PREPARATIONS.find((name) => name === values["preparation"]);
  return {
    lpips: weights === undefined ? undefined : {
      key: async () => [await files.sha256(weights), await files.sha256(linear!), network ?? null],
      load: () =>
        withCheckpoint(
          files,
          weights,
          (features) =>
            withCheckpoint(files, linear!, async (linear) =>
              openLpips(await files.runtime(), { features, linear, ...(network ? { network } : {}) })),
        ),
    },
    inception: inception === undefined ? undefined : {
      key: async () => [await files.sha256(inception), preparation ?? null],
      load: () =>
        withCheckpoint(files, inception, async (file) => {
          const device = await files.runtime();
          return inceptionFeatures(device, await openInception(device, file), preparation);
        }),
    },
  };
}

/** Opens a checkpoint for as long as `use` runs. */
async function withCheckpoint<T>(
  files: Pick<MeasureFiles, "open">,
  path: string,
  use: (file: Checkpoint) => Promise<T>,
): Promise<T> {
  using source = await files.open(path);
  return await use(await openCheckpoint(source));
}
