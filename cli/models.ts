/** `deno task models`: published checkpoints, what a file holds, and fetching. */
import { type Arguments, type Command, type CommandSpec, QUIET_OPTION } from "./arguments.ts";
import { DEFAULT_DOWNLOADS } from "../io/mod.ts";
import { descriptionSpecs } from "../models/mod.ts";
import { UsageError } from "../parameters/mod.ts";
import { CLASSIFY_OPTIONS, classifyPicture } from "./models/classify.ts";
import { fetchModel } from "./models/fetch.ts";
import { inspectModel } from "./models/inspect.ts";
import { listModels } from "./models/list.ts";

/** The options that belong to each action; all take --json. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  list: ["dir", "hash", "json"],
  inspect: ["size", "json"],
  fetch: ["dir", "out", "from", "endpoint", "sha256", "json"],
  classify: ["json", ...Object.keys(CLASSIFY_OPTIONS)],
};

/** The actions that read a checkpoint, which may have to be described. */
const READING = ["inspect", "classify"];

/** The command `models`. */
export const MODELS: Command = {
  spec: {
    name: "models",
    summary: "Lists published checkpoints that can be loaded, and says which are there.\n" +
      "inspect FILE: architecture, parameters, element types, schedule and multiply-adds of a checkpoint.\n" +
      "fetch NAME|URL: downloads one; an interrupted download goes on where it stopped. Only this uses the network.\n" +
      "fetch hf:OWNER/NAME: downloads the folder of a UNet2DModel of diffusers from the Hugging Face Hub.\n" +
      "classify FILE IMAGE: runs a classifier of noisy images on a picture without noise, and shows its classes.",
    operands: { usage: "[inspect FILE | fetch NAME|URL|hf:OWNER/NAME | classify FILE IMAGE]", min: 0, max: 3 },
    // Made when asked for: families of networks may have been added.
    get options(): CommandSpec["options"] {
      return {
        dir: { kind: "text", value: "FOLDER", help: `Folder of downloaded checkpoints (default ${DEFAULT_DOWNLOADS})` },
        hash: { kind: "flag", help: "list: compare the SHA-256 of files that are there; reads them wholly" },
        size: {
          kind: "integer",
          min: 1,
          max: 65535,
          help: "inspect: side of the image that multiply-adds are counted for (default: training size)",
        },
        out: {
          kind: "text",
          value: "PATH",
          help: "fetch: name of the file or folder (default: as published, in --dir)",
        },
        from: { kind: "text", value: "URL", help: "fetch NAME: another address of the same file" },
        endpoint: {
          kind: "text",
          value: "URL",
          help: "fetch hf:OWNER/NAME: the Hub, or a mirror of it (default: HF_ENDPOINT, else https://huggingface.co)",
        },
        sha256: { kind: "text", value: "HEX", help: "fetch: SHA-256 that the file must have" },
        ...CLASSIFY_OPTIONS,
        ...descriptionSpecs(),
        json: { kind: "flag", help: "Print data as JSON on stdout" },
        ...QUIET_OPTION,
      };
    },
    examples: [
      ["deno task models", "what there is"],
      ["deno task models fetch imagenet-256-uncond", `download it to ${DEFAULT_DOWNLOADS}`],
      ["deno task models fetch hf:google/ddpm-cat-256", "the folder of a network from the Hugging Face Hub"],
      ["deno task models inspect celeba_hq.ckpt --size 512", "what it is, and what an evaluation at 512x512 costs"],
      ["deno task models classify 256x256_classifier.pt photo.png", "the five likeliest of its classes"],
    ],
  },
  async run(args: Arguments): Promise<number> {
    const [action = "list", operand, ...rest] = args.operands;
    const options = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (!options) {
      throw new UsageError(`models has no action "${action}", one of ${Object.keys(ACTIONS).join(", ")} is needed`);
    }
    const allowed = READING.includes(action) ? [...options, ...Object.keys(descriptionSpecs())] : options;
    const foreign = Object.keys(args.values).find((name) => !allowed.includes(name));
    if (foreign !== undefined) throw new UsageError(`--${foreign} does not belong to "models ${action}"; leave it out`);
    if (action === "list") {
      if (operand === undefined) return await listModels(args);
      throw new UsageError(`"models list" was given "${operand}", it takes nothing`);
    }
    if (action === "classify") {
      const [picture] = rest;
      if (operand !== undefined && picture !== undefined) return await classifyPicture(args, operand, picture);
      throw new UsageError('"models classify" needs a FILE and an IMAGE');
    }
    if (operand === undefined || rest.length > 0) {
      throw new UsageError(
        `"models ${action}" needs ${action === "fetch" ? "a NAME, a URL or hf:OWNER/NAME" : "a FILE"}`,
      );
    }
    return action === "inspect" ? await inspectModel(args, operand) : await fetchModel(args, operand);
  },
};
