/** The options of windows in which a network sees a picture. */
import { WINDOW_FORMS, type WindowForm } from "../../models/mod.ts";
import { numberOf, type OptionSpec, type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import type { WindowSetting } from "../restore.ts";

/** The options that say at which size a picture is restored, and what that takes. */
export const SIZE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  size: {
    kind: "integer",
    min: 8,
    max: 65535,
    help:
      "Longest side at which the picture is restored (default: its own if that takes less than two minutes, else the " +
      "largest that does; for the sample picture the training size); below a small picture's own it limits the windows",
  },
  plan: {
    kind: "flag",
    help: "Print size, windows, evaluations, time and memory, and stop: nothing is restored or written",
  },
};

/** The options that say in what windows a network sees a picture. */
export const WINDOW_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  window: {
    kind: "integer",
    min: 8,
    max: 65535,
    help: "Side of the windows in which the network sees the picture, which then keeps its own size; memory is bounded",
  },
  "window-form": {
    kind: "choice",
    choices: WINDOW_FORMS,
    help:
      "How windows cover it: in fixed places, mixed where they overlap (overlapping, the default), or side by side, " +
      "elsewhere at every step (shifted), which leaves seams",
  },
};

/**
 * The windows that options name; undefined if they name none.
 * @throws {UsageError} if there is a form without a side
 */
export function windowOf(options: OptionValues): WindowSetting | undefined {
  const side = numberOf(options, "window");
  const form = textOf(options, "window-form") as WindowForm | undefined;
  if (side !== undefined) return { side, form: form ?? "overlapping" };
  if (form !== undefined) throw new UsageError("--window-form needs --window N, the side of the windows");
  return undefined;
}
