/** What is wrong with a picture, as the command `diagnose` finds it. */
import { diagnose, fileStem, SURE, taskNamed } from "../../restoration/mod.ts";
import type { Diagnosis, Options } from "../protocol.ts";
import { quoted } from "./options.ts";
import type { StoredPicture } from "./pictures.ts";
import { taskFacts } from "./registers.ts";

/** Looks at a picture; it takes seconds for one of megapixels. */
export function lookAt({ name, decoded }: StoredPicture): Diagnosis {
  const { findings, advice } = diagnose(decoded, name);
  const seen = findings.map(({ text, confidence }) => ({ text, confidence, isSure: confidence >= SURE }));
  if (!advice) return { findings: seen, advice: null };
  const { task, options, known, first, later } = advice;
  const smaller = `${fileStem(name)}-smaller.png`;
  return {
    findings: seen,
    advice: {
      task: taskFacts(taskNamed(task)),
      options: options as Options,
      mask: known ? { width: known.width, height: known.height, known: Uint8Array.from(known.data) } : null,
      first: first === undefined
        ? null
        : `deno task ${first.replace("PICTURE", quoted(name)).replace("SMALLER.png", quoted(smaller))}`,
      later,
    },
  };
}
