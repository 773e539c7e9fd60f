/** `deno task convert IN OUT.safetensors`: a checkpoint as a file that says what it is. */
import { type AtomicWriter, atomicWriter, checkWritable, FileSource, Interrupt } from "../io/mod.ts";
import {
  type Checkpoint,
  CheckpointError,
  type ConvertedDtype,
  convertedPieces,
  countParameters,
  planDescription,
  quoteName,
  type TensorPieces,
  type WritableDtype,
  writeSafetensors,
} from "../models/mod.ts";
import type { Arguments, Command, CommandSpec } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { describeOrigin, descriptionSpecs } from "./description_options.ts";
import { openDescribed } from "./model_file.ts";
import { byteProgress, makeReporter } from "./progress.ts";

/** The command `convert`. */
export const CONVERT: Command = {
  spec: {
    name: "convert",
    summary:
      "Converts a checkpoint (PyTorch .pt, .pth or .ckpt, or safetensors) to a safetensors file that says what\n" +
      "network it holds. The network is found from names and shapes of the tensors; what they leave open comes from\n" +
      "the published checkpoint with the same tensors, or must be said. Values stay bit for bit, unless --dtype\n" +
      "narrows them.",
    operands: { usage: "IN OUT.safetensors", min: 2, max: 2 },
    // Made when asked for: families of networks may have been added.
    get options(): CommandSpec["options"] {
      return {
        dtype: {
          kind: "choice",
          choices: ["f32", "f16", "bf16"],
          help: "Element type of the result (default: as it is)",
        },
        ...descriptionSpecs(),
        json: { kind: "flag", help: "Print progress and result as JSON lines on stdout" },
      };
    },
    examples: [
      ["deno task convert ffhq_10m.pt ffhq.safetensors", "a published checkpoint, known by its tensors"],
      ["deno task convert ffhq_10m.pt ffhq.safetensors --dtype f16", "half the size"],
      [
        "deno task convert mine.pt mine.safetensors --image-size 64 --head-channels 32 --attention-order legacy " +
        "--schedule cosine --diffusion-steps 1000 --value-range=-1..1",
        "a network of one's own",
      ],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  const [input, output] = args.operands as readonly [string, string];
  if (!/\.safetensors$/i.test(output)) {
    throw new UsageError(`the result is "${output}", a name that ends in .safetensors is needed`);
  }
  using source = await FileSource.open(input);
  await checkWritable([output], [input]);
  const { checkpoint, description, known } = await openDescribed(source, args);
  const { family, plan } = planDescription(description);
  const parameters = countParameters(plan.parameters);
  reporter.note(`${family.name}, ${(parameters / 1e6).toFixed(1)} M parameters`);
  const origin = describeOrigin(known);
  if (origin !== undefined) reporter.note(origin);
  const dtype = args.text("dtype")?.toUpperCase() as ConvertedDtype | undefined;
  const progress = byteProgress(reporter, "convert");
  const targets = targetsOf(checkpoint, dtype);
  const writer = await atomicWriter(output);
  const bytes = await write(writer, checkpoint, { targets, dtype }, async (done, total) => {
    progress(done, total);
    await interrupt.check();
  });
  reporter.done();
  const dtypes = dtype === undefined ? "values as they were" : `values as ${dtype.toLowerCase()}`;
  reporter.result(
    {
      input,
      output,
      bytes,
      parameters,
      dtype: dtype ?? null,
      config: description,
      known: known.map(({ name }) => name),
    },
    `wrote ${output} (${bytes.toLocaleString("en")} bytes), ${dtypes}`,
  );
  return 0;
}

/** Bytes of an element by type of weights. */
const BYTES = { F32: 4, F16: 2, BF16: 2, F64: 8 } as const satisfies Partial<Record<WritableDtype, number>>;

type RealDtype = keyof typeof BYTES;

/** A tensor with the type it will have. */
interface Target {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: RealDtype;
  readonly bytes: number;
}

/** The tensors of the result; weights are real numbers, all else is refused. */
function targetsOf(file: Checkpoint, dtype: ConvertedDtype | undefined): readonly Target[] {
  return Array.from(file.tensors.values(), ({ name, dtype: stored, shape }) => {
    if (!(stored in BYTES)) {
      throw new CheckpointError(
        `Cannot convert ${quoteName(file.name)}: tensor ${quoteName(name)} is of ${stored}, one of ` +
          `${Object.keys(BYTES).join(", ")} is needed`,
      );
    }
    const target = dtype ?? stored as RealDtype;
    return { name, shape, dtype: target, bytes: shape.reduce((a, b) => a * b, BYTES[target]) };
  });
}

/** Writes the file; returns its size. */
async function write(
  writer: AtomicWriter,
  file: Checkpoint,
  { targets, dtype }: { readonly targets: readonly Target[]; readonly dtype: ConvertedDtype | undefined },
  onProgress: (done: number, total: number) => Promise<void>,
): Promise<number> {
  const total = targets.reduce((sum, { bytes }) => sum + bytes, 0);
  const source: [string, string][] = [["format", "pt"], ["source", file.name.split(/[\\/]/).at(-1)!]];
  const metadata = new Map([...source, ...file.metadata]);
  let bytes = 0;
  const tensors = targets.map(({ name, dtype: target, shape }) => {
    const data: TensorPieces = () => dtype === undefined ? file.readPieces(name) : convertedPieces(file, name, dtype);
    return { name, dtype: target, shape, data };
  });
  try {
    await writeSafetensors({ tensors, metadata }, async (part) => {
      await writer.write(part);
      bytes += part.length;
      await onProgress(Math.min(bytes, total), total);
    });
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return bytes;
}
