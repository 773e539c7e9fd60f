/** What a restoration takes, its start, its progress and its end. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import type { Studio } from "../studio.ts";
import { bytes, counted, duration } from "../words.ts";

/** The cost, and the button that starts and stops. */
export function RunPanel({ studio }: { readonly studio: Studio }): VNode {
  const run = studio.run.value;
  const canStart = studio.request.value !== null && studio.model.value !== null && studio.busy.value === null &&
    !studio.outlook.value?.failure;
  const click = (event: MouseEvent): void => {
    // The second click of a double click would stop what the first has started.
    if (event.detail > 1) return;
    void (run ? studio.stop() : studio.restore());
  };
  return h(
    "section",
    { class: "run", "aria-label": "Restore" },
    run ? h(Progress, { studio }) : h(Cost, { studio }),
    h("button", {
      type: "button",
      class: "main-button",
      disabled: run ? run.isStopping : !canStart,
      onClick: click,
    }, run ? run.isStopping ? "Stopping behind this step" : "Stop" : "Restore"),
  );
}

function Cost({ studio }: { readonly studio: Studio }): VNode {
  const [missing, outlook, forecast] = [studio.missing.value, studio.outlook.value, studio.forecast.value];
  if (missing !== null) return h("p", { class: "quiet" }, missing);
  if (outlook?.failure) return h("p", { class: "warning" }, outlook.failure.message);
  if (!outlook?.plan) return h("p", { class: "quiet" }, "Reckoning what it takes ...");
  const { evaluations, result, windows, deviceBytes, notes } = outlook.plan;
  const limit = studio.facts.value?.adapter?.maxTensorBytes;
  return h(
    "div",
    null,
    h("p", null, counted(evaluations, "evaluation"), forecast === null ? ", time unknown" : `, ${duration(forecast)}`),
    h(
      "p",
      { class: "quiet" },
      `Result ${result}${
        windows.side === null ? "" : `, seen in ${windows.count} windows of ${windows.side} pixels`
      }. `,
      `${bytes(deviceBytes)} of device memory`,
      limit === undefined ? "." : `; one tensor may have ${bytes(limit)}.`,
    ),
    notes.map((note) => h("p", { class: "quiet", key: note }, note)),
  );
}

function Progress({ studio }: { readonly studio: Studio }): VNode {
  const step = studio.run.value!.step;
  const part = step ? (step.sample - 1 + step.step / step.steps) / step.samples : 0;
  const plan = studio.outlook.value?.plan;
  const pace = studio.pace.value;
  const rest = step?.remaining ??
    (plan && pace !== null ? pace * (plan.evaluations - (step?.evaluations ?? 0)) : null);
  return h(
    "div",
    null,
    h(
      "p",
      null,
      step ? `Step ${step.step} of ${step.steps}` : "Beginning",
      step && step.samples > 1 ? `, picture ${step.sample} of ${step.samples}` : "",
      rest === null ? "" : `, ${duration(rest)} to go`,
    ),
    h("p", { class: "quiet" }, step?.name ?? "The first step compiles the network for this adapter."),
    h("progress", { max: 1, value: part, "aria-label": "Progress of the restoration" }),
  );
}
