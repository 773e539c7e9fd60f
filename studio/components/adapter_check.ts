/** Whether this adapter computes what other programs have recorded: a verdict, and every quantity in a table. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import type { CheckedFile, CheckedQuantity } from "../inspection.ts";
import type { Studio } from "../studio.ts";
import { Dialog } from "./dialog.ts";

/** The comparison as a window over the page. */
export function AdapterCheck({ studio }: { readonly studio: Studio }): VNode {
  return h(Dialog, {
    title: "Is this adapter right?",
    content: h(Comparison, { studio }),
    onClose: () => studio.closeWindow(),
  });
}

function Comparison({ studio }: { readonly studio: Studio }): VNode {
  const { files, isRunning, failure } = studio.checkup.value!;
  const all = files.flatMap(({ quantities }) => quantities);
  const different = all.filter(({ outcome }) => outcome === "different").length;
  const number = files.at(-1)?.number ?? 0;
  return h(
    "div",
    { class: "dialog-body" },
    h(
      "p",
      { class: "quiet" },
      "Numbers that other programs have recorded are computed here and compared, each within its bound: the relative " +
        "error that rounding explains.",
    ),
    h(
      "p",
      { role: "status", class: different > 0 || failure ? "warning" : "verdict" },
      failure?.message ??
        (isRunning ? progressOf(files) : verdictOf(all, studio.facts.value?.adapter?.description ?? "")),
    ),
    isRunning &&
      h("progress", { max: files.at(-1)?.files ?? 1, value: number, "aria-label": "Files that were compared" }),
    files.map((file) => h(FileTable, { key: file.file, file })),
  );
}

function progressOf(files: readonly CheckedFile[]): string {
  const last = files.at(-1);
  return last ? `File ${Math.min(last.number + 1, last.files)} of ${last.files} ...` : "Reading the first file ...";
}

/** What the comparison came to, as a sentence. */
function verdictOf(quantities: readonly CheckedQuantity[], adapter: string): string {
  const compared = quantities.filter(({ outcome }) => outcome !== "not compared");
  const different = compared.filter(({ outcome }) => outcome === "different").length;
  return different === 0
    ? `Yes: ${adapter} computes all ${compared.length} quantities within their bounds.`
    : `No: of ${compared.length} quantities ${adapter} computes ${different} wrongly. Its results cannot be trusted; ` +
      "another browser or driver may be right.";
}

function FileTable({ file: { file, about, quantities } }: { readonly file: CheckedFile }): VNode {
  const compared = quantities.filter(({ outcome }) => outcome !== "not compared");
  const equal = compared.filter(({ outcome }) => outcome === "equal").length;
  return h(
    "details",
    { open: equal < compared.length },
    h(
      "summary",
      { class: equal < compared.length ? "warning" : "" },
      `${about}: ${equal} of ${compared.length} agree`,
    ),
    h(
      "div",
      // Scrolled by the keyboard where it is wider than the window.
      { class: "scroll", tabIndex: 0, role: "region", "aria-label": `Quantities of ${file}` },
      h(
        "table",
        null,
        h("caption", { class: "quiet" }, file),
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            ["Quantity", "Error", "Bound", "Outcome"].map((name) => h("th", { key: name, scope: "col" }, name)),
          ),
        ),
        h("tbody", null, quantities.map((quantity) => h(Row, { key: quantity.name, quantity }))),
      ),
    ),
  );
}

function Row({ quantity: { name, outcome, error, bound, reason } }: { readonly quantity: CheckedQuantity }): VNode {
  return h(
    "tr",
    { class: outcome === "different" ? "warning" : "" },
    h("th", { scope: "row" }, name),
    h("td", null, error === null ? "" : error === 0 ? "0" : error.toExponential(1)),
    h("td", null, bound === null ? "" : bound === 0 ? "exact" : bound.toExponential(0)),
    h("td", null, reason === null ? outcome : `${outcome}: ${reason}`),
  );
}
