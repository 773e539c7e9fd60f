/** `deno task diagnose PICTURE...`: what is wrong with pictures, and the commands that undo it. */
import { FileError, Interrupt, readImage } from "../io/mod.ts";
import { DAMAGES, describeDiagnosis, diagnose } from "../restoration/mod.ts";
import type { Arguments, Command } from "./arguments.ts";

/** The command `diagnose`. */
export const DIAGNOSE: Command = {
  spec: {
    name: "diagnose",
    summary: "Says what is wrong with pictures, how sure that is, and how restore undoes it (no device is needed).\n" +
      `Looked for: ${DAMAGES.map(({ name }) => name).join(", ")}. What is less than 75 % sure is told as "Perhaps"\n` +
      "and decides nothing; of a picture with which nothing is surely wrong it says so.",
    operands: { usage: "PICTURE...", min: 1, max: Infinity },
    options: { json: { kind: "flag", help: "Print what was found as JSON lines on stdout" } },
    examples: [
      ["deno task diagnose photo.jpg", "what is wrong with a photo, and the command"],
      ["deno task diagnose *.jpg --json", "of many, as data"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = args.reporter();
  let isFailed = false;
  for (const path of args.operands) {
    await interrupt.check();
    try {
      const found = diagnose(await readImage(path), path);
      reporter.result({ picture: path, ...found }, [`${path}:`, ...describeDiagnosis(found, path)].join("\n"));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      isFailed = true;
      reporter.file(path, "failed", error.message);
    }
  }
  return isFailed ? 1 : 0;
}
