/** What the picture itself tells of what is wrong with it. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import type { Diagnosis, Seen } from "../protocol.ts";
import type { Studio } from "../studio.ts";
import { Command } from "./command_line.ts";

/** The button that has a damaged picture looked at, and what was seen; nothing of a good picture. */
export function DiagnosisPart({ studio }: { readonly studio: Studio }): VNode | null {
  if (!studio.picture.value || studio.isDegraded.value) return null;
  const diagnosis = studio.diagnosis.value;
  return h(
    "div",
    { class: "group diagnosis" },
    h(
      "div",
      { class: "row" },
      h("button", {
        type: "button",
        disabled: studio.busy.value !== null || studio.run.value !== null,
        onClick: () => void studio.diagnose(),
      }, "Find out"),
    ),
    diagnosis && h(Found, { diagnosis }),
  );
}

/** What was seen, and what follows. */
function Found({ diagnosis: { findings, advice } }: { readonly diagnosis: Diagnosis }): VNode {
  return h(
    "div",
    null,
    findings.length > 0 && h("ul", null, findings.map((seen) => h("li", { key: seen.text }, told(seen)))),
    advice === null ? h("p", null, "Nothing is surely wrong with it: leave it as it is.") : advice.first !== null
      ? [
        h("p", { key: "why" }, "It must be made smaller first; then bring that picture:"),
        h(Command, {
          key: "first",
          text: advice.first,
        }),
      ]
      : h("p", null, `Set to undo it: ${advice.task.about}.`),
    advice?.mask && h("p", null, "What lies over it is painted; look at it, and correct it by hand."),
    advice !== null && advice.later.length > 0 &&
      h("p", null, `Then look at the result again: it was ${advice.later.join(" and ")}, too.`),
  );
}

/** Something that was seen, and how sure it is. */
function told({ text, confidence, isSure }: Seen): string {
  const doubt = confidence === 1 ? "" : ` (${Math.round(100 * confidence)} % sure)`;
  return `${isSure ? "Found" : "Perhaps"}: ${text}${doubt}`;
}
