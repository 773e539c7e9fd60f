/** Where the time of a step goes on this adapter: flame view, tables, and files to be kept. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import type { Profile, ProfileRow } from "../inspection.ts";
import type { Studio } from "../studio.ts";
import { milliseconds } from "../words.ts";
import { Dialog } from "./dialog.ts";
import { saveFile } from "./files.ts";
import { Flame } from "./flame.ts";

/** The profile as a window over the page. */
export function TimeProfile({ studio }: { readonly studio: Studio }): VNode {
  const { profile, isRunning, failure } = studio.timing.value!;
  return h(Dialog, {
    title: "Where the time goes",
    content: h(
      "div",
      { class: "dialog-body" },
      isRunning && h("p", { role: "status" }, "A step is repeated and every dispatch of it is timed ..."),
      isRunning && h("progress", { "aria-label": "Measuring" }),
      failure && h("p", { class: "warning", role: "alert" }, failure.message),
      profile && h(Found, { profile }),
    ),
    onClose: () => studio.closeWindow(),
  });
}

function Found({ profile }: { readonly profile: Profile }): VNode {
  const { title, method, notes, ceilings, tables, boxes, operations, page, data } = profile;
  return h(
    "div",
    { class: "group" },
    h("p", { class: "verdict", role: "status" }, `${title}.`),
    h("p", { class: "quiet" }, method),
    h(Flame, { boxes }),
    h(
      "ul",
      { class: "row", "aria-label": "Colours of operations" },
      operations.map(({ name, colour, milliseconds: time }) =>
        h(
          "li",
          { key: name, class: "quiet" },
          h("span", { class: `key kernel${colour}` }),
          `${name} ${milliseconds(time)}`,
        )
      ),
    ),
    tables.map(({ what, rows }, index) =>
      h(
        "details",
        { key: what, open: index === 0 },
        h("summary", null, `By ${what.toLowerCase()}`),
        h(Table, { what, rows }),
      )
    ),
    h(
      "details",
      null,
      h("summary", null, "How the times add up"),
      notes.map((note) => h("p", { class: "quiet", key: note }, note)),
      h(
        "p",
        { class: "quiet" },
        `At most this adapter reaches ${ceilings.gflopPerSecond.toPrecision(3)} GFLOP/s (multiply-adds) and ${
          ceilings.gigabytesPerSecond.toPrecision(3)
        } GB/s (copy), as measured now.`,
      ),
    ),
    h(
      "div",
      { class: "row" },
      save("Save the report (HTML)", "profile.html", page, "text/html"),
      save("Save the numbers (JSON)", "profile.json", data, "application/json"),
    ),
  );
}

function save(label: string, name: string, text: string, type: string): VNode {
  return h("button", { type: "button", onClick: () => saveFile(name, new TextEncoder().encode(text), type) }, label);
}

/** Columns of numbers. */
const COLUMNS: readonly (readonly [name: string, text: (row: ProfileRow) => string])[] = [
  ["Dispatches", ({ dispatches }) => String(dispatches)],
  ["Time", (row) => milliseconds(row.milliseconds)],
  ["Share", ({ share }) => part(share)],
  ["GFLOP/s", ({ gflopPerSecond }) => gflopPerSecond.toFixed(1)],
  ["of most", ({ ofCompute }) => part(ofCompute)],
  ["GB/s", ({ gigabytesPerSecond }) => gigabytesPerSecond.toFixed(2)],
  ["of most", ({ ofMemory }) => part(ofMemory)],
];

function Table({ what, rows }: { readonly what: string; readonly rows: readonly ProfileRow[] }): VNode {
  return h(
    "div",
    { class: "scroll", tabIndex: 0, role: "region", "aria-label": `Times by ${what.toLowerCase()}` },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          h("th", { scope: "col" }, what),
          COLUMNS.map(([name], index) => h("th", { key: index, scope: "col", class: "number" }, name)),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((row) =>
          h(
            "tr",
            { key: row.name },
            h("th", { scope: "row" }, row.name),
            COLUMNS.map(([, text], index) => h("td", { key: index, class: "number" }, text(row))),
          )
        ),
      ),
    ),
  );
}

function part(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
