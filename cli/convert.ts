/** `deno task convert IN OUT.safetensors`: a checkpoint as a file that says what it is. */
import { byteProgress, checkWritable, Interrupt, openModelFile, writeTensors } from "../io/mod.ts";
import {
  convertedContents,
  type ConvertedDtype,
  countParameters,
  describeOrigin,
  descriptionSpecs,
  planDescription,
} from "../models/mod.ts";
import { type Arguments, type Command, type CommandSpec, QUIET_OPTION } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { openDescribed } from "./model_file.ts";

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
        ...QUIET_OPTION,
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
  using reporter = args.reporter();
  const [input, output] = args.operands as readonly [string, string];
  if (!/\.safetensors$/i.test(output)) {
    throw new UsageError(`the result is "${output}", a name that ends in .safetensors is needed`);
  }
  using source = await openModelFile(input, { stateDict: args.text("state-dict") });
  await checkWritable([output], [input]);
  const { checkpoint, description, known, prefix, leftOut, notes } = openDescribed(source, args);
  const { family, plan } = planDescription(description);
  const parameters = countParameters(plan.parameters);
  reporter.note(`${family.name}, ${(parameters / 1e6).toFixed(1)} M parameters`);
  const origin = describeOrigin({ known, notes });
  if (origin !== undefined) reporter.note(origin);
  const dtype = args.text("dtype")?.toUpperCase() as ConvertedDtype | undefined;
  const progress = byteProgress(reporter, "convert");
  const contents = convertedContents(checkpoint, dtype);
  const bytes = await writeTensors(output, contents, async (done) => {
    progress(Math.min(done, contents.totalBytes), contents.totalBytes);
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
      prefix,
      leftOut,
    },
    `wrote ${output} (${bytes.toLocaleString("en")} bytes), ${dtypes}`,
  );
  return 0;
}
