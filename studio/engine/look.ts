/** What is wrong with a picture, as the command `diagnose` finds it. */
import { shellWord } from "../../parameters/mod.ts";
import { DAMAGES, diagnosing, fileStem, SURE, taskNamed } from "../../restoration/mod.ts";
import type { Diagnosis, Options } from "../protocol.ts";
import type { StoredPicture } from "./pictures.ts";
import { taskFacts } from "./registers.ts";

/**
 * Looks at a picture, for which one of megapixels takes half a minute and more.
 * @param told is given how many damages were looked for, and of how many; what it throws ends the look
 */
export async function lookAt(
  { name, decoded }: StoredPicture,
  told: (done: number, total: number) => void,
): Promise<Diagnosis> {
  const looking = diagnosing(decoded, name);
  let step = looking.next();
  for (; !step.done; step = looking.next()) {
    told(step.value, DAMAGES.length);
    // Messages of the page come in between.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const { findings, advice } = step.value;
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
        : `deno task ${first.replace("PICTURE", shellWord(name)).replace("SMALLER.png", shellWord(smaller))}`,
      later,
    },
  };
}
