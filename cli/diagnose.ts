/** `deno task diagnose PICTURE...`: what is wrong with pictures, and the commands that undo it. */
import { callerPath, checkWritable, FileError, Interrupt, readImage, writePng } from "../io/mod.ts";
import { makeSheet, toImage } from "../raster/mod.ts";
import {
  DAMAGES,
  describeDiagnosis,
  diagnose,
  fileStem,
  maskEvidence,
  maskRaster,
  proposedMask,
  reportedDiagnosis,
} from "../restoration/mod.ts";
import type { Arguments, Command } from "./arguments.ts";

/** The command `diagnose`. */
export const DIAGNOSE: Command = {
  spec: {
    name: "diagnose",
    summary: "Says what is wrong with pictures, how sure that is, and how restore undoes it (no device is needed).\n" +
      `Looked for: ${DAMAGES.map(({ name }) => name).join(", ")}. What is less than 75 % sure is told as "Perhaps"\n` +
      "and decides nothing; of a picture with which nothing is surely wrong it says so.",
    operands: { usage: "PICTURE...", min: 1, max: Infinity },
    options: {
      sheet: {
        kind: "flag",
        help:
          "Where something lies over a picture, also write its mask as NAME-mask.png, white where the picture shows, and " +
          "NAME-diagnosis.png: the picture, the same with the mask in red, and the mask",
      },
      json: { kind: "flag", help: "Print what was found as JSON lines on stdout" },
    },
    examples: [
      ["deno task diagnose photo.jpg", "what is wrong with a photo, and the command"],
      ["deno task diagnose photo.jpg --sheet", "also the mask of its scratches, to be looked at and corrected"],
      ["deno task diagnose *.jpg --json", "of many, as data"],
    ],
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = args.reporter();
  let isFailed = false;
  const written = new Map<string, string>();
  for (const path of args.operands) {
    await interrupt.check();
    try {
      const picture = await readImage(path);
      const found = diagnose(picture, path);
      const known = proposedMask(found);
      const [mask, sheet] = ["mask", "diagnosis"].map((part) => callerPath(`${fileStem(path)}-${part}.png`)) as [
        string,
        string,
      ];
      const isWritten = known !== undefined && args.flag("sheet");
      if (isWritten) {
        const other = written.get(mask);
        if (other !== undefined) {
          throw new FileError(
            `Cannot write "${mask}": it is the mask of "${other}" already, whose name differs by its ending alone; look at ` +
              "one of them in another folder",
          );
        }
        written.set(mask, path);
        await checkWritable([mask, sheet], args.operands);
        await interrupt.hold(async () => {
          await writePng(mask, toImage(maskRaster(known)));
          await writePng(sheet, toImage(makeSheet([maskEvidence(picture, known)])));
        });
        reporter.note(`Wrote ${mask} and ${sheet}`);
      }
      const lines = describeDiagnosis(found, path, { mask, isWritten });
      const report = { picture: path, ...reportedDiagnosis(found, isWritten ? mask : undefined) };
      reporter.result(report, [`${path}:`, ...lines].join("\n"));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      isFailed = true;
      reporter.file(path, "failed", error.message);
    }
  }
  return isFailed ? 1 : 0;
}
