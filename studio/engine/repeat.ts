/** What made a picture, as its file says it, as options of a request. */
import { type OptionSpec, UsageError } from "../../parameters/mod.ts";
import { describeRepeat, PARAMETERS_KEYWORD, repeatedRun } from "../../restoration/mod.ts";
import type { ReadParameters } from "../protocol.ts";
import type { OpenNetwork } from "./network.ts";
import { requestOptions } from "./options.ts";

const SEED: OptionSpec = { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of the noise" };

/** The data of a text with the options among them; undefined where it has none. */
function dataIn(text: string): { readonly options: Readonly<Record<string, unknown>> } | undefined {
  try {
    const data = JSON.parse(text);
    return typeof data?.options === "object" && data.options !== null ? data : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The parameters in the texts of a picture file; null where there are none, or they are of another kind.
 * @param texts by keyword
 * @param network with which they would be repeated, where there is one
 */
export function parametersIn(
  texts: Readonly<Record<string, string>>,
  name: string,
  network: OpenNetwork | undefined,
): ReadParameters | null {
  const data = dataIn(texts[PARAMETERS_KEYWORD] ?? "");
  if (!data) return null;
  const specs = { ...requestOptions(), seed: SEED };
  const entries = Object.entries(data.options);
  const known = Object.fromEntries(entries.filter(([option]) => Object.hasOwn(specs, option)));
  const left = entries.filter(([option]) => !Object.hasOwn(specs, option)).map(([option]) => `--${option}`);
  try {
    const run = repeatedRun(JSON.stringify({ ...data, options: known }), {}, { name, specs, isMeasured: false });
    const { seed, ...options } = run.options;
    return {
      options,
      seed: Number(seed),
      notes: [
        ...(network ? describeRepeat(run, network) : []),
        ...(left.length > 0
          ? [`"${name}" was made with ${left.join(", ")}, which is not in the file; give it again where it matters`]
          : []),
      ],
    };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return null;
  }
}
