/// <reference lib="dom" />
/** The models of the page: which there are, under which terms, how large, and what is kept of them. */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { Dialog } from "../components/dialog.ts";
import { h } from "../components/element.ts";
import type { Studio } from "../studio.ts";
import { bytes, short } from "../words.ts";
import { FolderButton } from "./folder_button.ts";
import type { LibraryModel, ModelLibrary, Work } from "./library.ts";
import { isOffered, type ListedModel, sizeOf } from "./listing.ts";

/** What the parts of the panel are given. */
interface Shared {
  readonly studio: Studio;
  readonly library: ModelLibrary;
  /** Closes the panel. */
  readonly onClose: () => void;
}

/** A button that opens the panel. */
export function Models({ studio, library }: Omit<Shared, "onClose">): VNode {
  const isOpen = useMemo(() => signal(false), []);
  const onClose = (): void => void (isOpen.value = false);
  const open = (): void => {
    isOpen.value = true;
    void library.refresh();
  };
  return h(
    "span",
    null,
    h("button", { type: "button", onClick: open }, "Models"),
    isOpen.value && h(Dialog, { title: "Models", onClose, content: h(Panel, { studio, library, onClose }) }),
  );
}

function Panel({ studio, library, onClose }: Shared): VNode {
  return h(
    "div",
    { class: "dialog-body models" },
    h("p", { class: "only-heard", role: "status" }, library.said.value),
    library.trouble.value && h("p", { class: "warning", role: "alert" }, library.trouble.value),
    h(KeepOpen, { studio, library }),
    h(
      "ul",
      { class: "model-list" },
      library.here.value.map((model) => h(Row, { key: model.key, studio, library, onClose, model })),
    ),
    h(RoomLine, { library }),
    h(
      "div",
      { class: "row" },
      h(FolderButton, {
        isDisabled: studio.run.value !== null || studio.busy.value !== null,
        onFolder: (folder) => {
          onClose();
          void studio.openModel(folder);
        },
      }),
    ),
    library.elsewhere.value.length > 0 && h(
      "details",
      null,
      h("summary", null, `Published elsewhere: ${library.elsewhere.value.length}`),
      h("p", { class: "quiet" }, "Get one where it is published, and drop its file or folder on this page."),
      h(
        "ul",
        { class: "model-list" },
        library.elsewhere.value.map((listed) => h("li", { key: listed.name }, h(Facts, { listed }))),
      ),
    ),
  );
}

/** Offers to keep the model that is open, where that came from the user. */
function KeepOpen({ studio, library }: Omit<Shared, "onClose">): VNode | null {
  const [model, source] = [studio.model.value, studio.modelSource.value];
  if (!model || source === "prior" || library.room.value === null) return null;
  const { name, sha256 } = model;
  if (library.here.value.some(({ listed, kept }) => listed.sha256 === sha256 && kept?.isComplete)) return null;
  const work = library.works.value.get(sha256);
  return h(
    "div",
    { class: "model-open" },
    work ? h(Progress, { name, work }) : h("p", null, `${name} is open, and gone with this page.`),
    work
      ? h("button", { type: "button", onClick: () => void library.pause(sha256) }, "Stop")
      : h("button", { type: "button", onClick: () => void library.keep(model, source) }, "Keep for the next visit"),
  );
}

function Row({ studio, library, onClose, model: { listed, kept } }: Shared & { readonly model: LibraryModel }): VNode {
  const sha256 = listed.sha256 ?? "";
  const work = library.works.value.get(sha256);
  const isUsed = studio.model.value?.sha256 === sha256;
  const isIdle = studio.run.value === null && studio.busy.value === null;
  const use = async (): Promise<void> => {
    const source = listed.isEmbedded ? "prior" as const : await library.open(sha256);
    if (source === undefined) return;
    onClose();
    await studio.openModel(source);
  };
  const button = (text: string, onClick: () => void, isDisabled = false): VNode =>
    h("button", { type: "button", "aria-label": `${text}: ${listed.name}`, disabled: isDisabled, onClick }, text);
  const isPart = kept !== undefined && !kept.isComplete;
  return h(
    "li",
    null,
    h(Facts, { listed }),
    work && h(Progress, { name: listed.name, work }),
    isPart && !work && h("p", { class: "quiet" }, `${percent(kept.present, kept.bytes)} has arrived.`),
    h(
      "div",
      { class: "row" },
      isUsed && h("p", { class: "quiet" }, "In use"),
      !isUsed && (listed.isEmbedded || kept?.isComplete) && button("Use", () => void use(), !isIdle),
      work ? button("Pause", () => void library.pause(sha256)) : isOffered(listed) && !kept?.isComplete &&
        button(isPart ? "Go on" : `Download ${bytes(listed.bytes)}`, () => void library.download(listed)),
      kept && !work && button("Remove", () => void library.remove(kept)),
    ),
  );
}

/** What is said of a model. */
function Facts({ listed }: { readonly listed: ListedModel }): VNode {
  const { name, about, licence, page, form, parameters } = listed;
  const size = sizeOf(listed);
  const facts = [
    ...size ? [`${size.isExact ? "" : "about "}${bytes(size.bytes)}`] : [],
    ...parameters === undefined ? [] : [`${short(parameters)} parameters`],
    form,
  ];
  return h(
    "div",
    null,
    h("h3", null, name),
    h("p", null, about),
    h("p", { class: "quiet" }, facts.join(", ")),
    h(
      "p",
      { class: "quiet" },
      `Licence: ${licence}. `,
      page && h("a", { href: page, target: "_blank", rel: "noreferrer" }, `Source: ${placeOf(page)}`),
    ),
  );
}

function Progress({ name, work: { phase, done, total } }: { readonly name: string; readonly work: Work }): VNode {
  const part = total > 0 ? done / total : 0;
  return h(
    "div",
    null,
    h("p", { class: "quiet" }, phase === "fetch" ? `${bytes(done)} of ${bytes(total)}` : "Checking the SHA-256"),
    h("progress", { max: 1, value: part, "aria-label": `Progress of ${name}` }),
  );
}

/** Room that models take, and whether the browser keeps them. */
function RoomLine({ library }: { readonly library: ModelLibrary }): VNode | null {
  const [room, isPersistent] = [library.room.value, library.isPersistent.value];
  if (!room) return null;
  const promise = room.used === 0 || isPersistent === null
    ? ""
    : isPersistent
    ? " The browser keeps them until you remove them."
    : " The browser may remove them where the disk becomes full.";
  return h(
    "p",
    { class: "quiet" },
    `Kept models take ${bytes(room.used)}; there is room for ${bytes(room.free)}.${promise}`,
  );
}

/** An address as people name it. */
function placeOf(address: string): string {
  const { host, pathname } = new URL(address);
  return (host + pathname).replace(/\/$/, "");
}

function percent(part: number, whole: number): string {
  return `${whole > 0 ? Math.floor(100 * part / whole) : 0} %`;
}
