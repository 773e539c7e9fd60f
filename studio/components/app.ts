/** The page. */
import { h } from "./element.ts";
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { ModelLibrary } from "../models/library.ts";
import { Models } from "../models/panel.ts";
import { Stage } from "../picture/stage.ts";
import type { Studio } from "../studio.ts";
import { milliseconds, short } from "../words.ts";
import { AdapterCheck } from "./adapter_check.ts";
import { Command } from "./command_line.ts";
import { FileButton, takeFiles } from "./files.ts";
import { MissingMessage, Notes, TroubleMessage } from "./messages.ts";
import { Results } from "./results.ts";
import { RunPanel } from "./run_panel.ts";
import { SettingsPanel } from "./settings_panel.ts";
import { TimeProfile } from "./time_profile.ts";

const CHECKPOINTS = ".pt,.pth,.ckpt,.bin,.safetensors";

/** Everything that is seen. */
export function App({ studio, library }: { readonly studio: Studio; readonly library: ModelLibrary }): VNode {
  const isDragging = useMemo(() => signal(false), []);
  useEffect(
    () =>
      takeFiles(
        (brought) => void studio.bring(brought),
        (value) => void (isDragging.value = value),
        (error) => studio.failed(error),
      ),
    [studio],
  );
  const missing = studio.facts.value?.missing;
  const command = studio.outlook.value?.command;
  return h(
    "div",
    { class: isDragging.value ? "page dropping" : "page" },
    h("p", { class: "only-heard", role: "status" }, studio.said.value),
    h(Head, { studio, library }),
    h(
      "main",
      { class: "work" },
      h(
        "section",
        { class: "stage", "aria-label": "Picture" },
        missing && h(MissingMessage, { missing, task: studio.taskName.value }),
        studio.picture.value ? h(Stage, { studio }) : !missing && h(Welcome, { studio }),
      ),
      h(
        "div",
        { class: "panel" },
        h(TroubleMessage, { studio }),
        h(Notes, { studio }),
        studio.registers.value && h(SettingsPanel, { studio }),
        !missing && h(RunPanel, { studio }),
        command && h("details", null, h("summary", null, "Command line"), h(Command, { text: command })),
        studio.facts.value?.adapter && h(Measurements, { studio }),
      ),
      studio.result.value && h(Results, { studio }),
    ),
    studio.window.value === "check" && studio.checkup.value && h(AdapterCheck, { studio }),
    studio.window.value === "time" && studio.timing.value && h(TimeProfile, { studio }),
  );
}

/** Name, adapter, network and pace. */
function Head({ studio, library }: { readonly studio: Studio; readonly library: ModelLibrary }): VNode {
  const [model, pace, busy] = [studio.model.value, studio.pace.value, studio.busy.value];
  const isBusy = studio.run.value !== null || busy !== null;
  const adapter = studio.facts.value?.adapter;
  const rows: readonly (readonly [string, string])[] = [
    ...adapter ? [["Adapter", adapter.description + (adapter.isSoftware ? " (on the CPU, slow)" : "")] as const] : [],
    ...model ? [["Network", `${model.name} (${short(model.parameterCount)})`] as const] : [],
    ...pace === null ? [] : [["Pace", `${milliseconds(pace)} an evaluation`] as const],
  ];
  return h(
    "header",
    { class: "head" },
    h("h1", null, "Shortcut"),
    h("dl", null, rows.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value)))),
    busy && h("p", { class: "quiet" }, busy.what, busy.part === null ? " ..." : `, ${Math.round(100 * busy.part)} %`),
    busy !== null && busy.part !== null && h("button", { type: "button", onClick: () => void studio.stop() }, "Stop"),
    h(
      "div",
      { class: "row end" },
      studio.picture.value && h(FileButton, {
        label: "Another picture",
        accept: "image/*",
        onFile: (file) => void studio.bring(file),
        isDisabled: isBusy,
      }),
      adapter && h(FileButton, {
        label: "Open a checkpoint",
        accept: CHECKPOINTS,
        onFile: (file) => void studio.openModel(file),
        isDisabled: isBusy,
      }),
      adapter && h(Models, { studio, library }),
    ),
  );
}

/** What an engineer wants to know of this adapter. */
function Measurements({ studio }: { readonly studio: Studio }): VNode {
  const isBusy = studio.run.value !== null || studio.busy.value !== null;
  return h(
    "div",
    { class: "row measurements" },
    h("button", { type: "button", disabled: isBusy, onClick: () => void studio.profile() }, "Where the time goes"),
    h(
      "button",
      { type: "button", disabled: isBusy, onClick: () => void studio.checkAdapter() },
      "Is this adapter right?",
    ),
  );
}

/** Where a picture comes from. */
function Welcome({ studio }: { readonly studio: Studio }): VNode {
  return h(
    "div",
    { class: "empty" },
    h("h2", null, "Drop a picture here, or paste one"),
    h("p", { class: "quiet" }, "It stays on this device: nothing is uploaded, nothing is installed."),
    h(
      "div",
      { class: "row" },
      h(FileButton, {
        label: "Choose a picture",
        accept: "image/*",
        onFile: (file) => void studio.bring(file),
      }),
      h("button", { type: "button", onClick: () => void studio.bring("portrait") }, "Use the sample"),
      h("button", { type: "button", onClick: () => void studio.bring("photograph") }, "Use a photograph"),
    ),
  );
}
