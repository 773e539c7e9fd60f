/** The page's program: starts the worker that computes, and shows the page. */
import { effect } from "@preact/signals";
import { proxy, type Remote, wrap } from "comlink";
import { render } from "preact";
import { App } from "./components/app.ts";
import { h } from "./components/element.ts";
import type { StudioEngine } from "./protocol.ts";
import { Studio } from "./studio.ts";

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const studio = new Studio(engineOf(wrap<StudioEngine>(worker)));
worker.addEventListener("error", ({ message }) => {
  studio.failed(
    new Error(`Cannot go on: the engine has ended (${message || "its program was not loaded"}); load the page again`),
  );
});
effect(() => {
  const step = studio.run.value?.step;
  document.title = step
    ? `${Math.round(100 * (step.sample - 1 + step.step / step.steps) / step.samples)} % - Shortcut`
    : "Shortcut: restore a picture";
});
render(h(App, { studio }), document.getElementById("studio")!);
void studio.start();

/** The engine in the worker; functions that it calls stay on this side. */
function engineOf(remote: Remote<StudioEngine>): StudioEngine {
  return {
    facts: () => remote.facts(),
    tasks: () => remote.tasks(),
    openModel: (source, onProgress) => remote.openModel(source, onProgress && proxy(onProgress)),
    read: (source) => remote.read(source),
    readMask: (file, picture) => remote.readMask(file, picture),
    readKernel: (file) => remote.readKernel(file),
    plan: (request) => remote.plan(request),
    restore: (request, onStep) => remote.restore(request, onStep && proxy(onStep)),
    verify: (onChecked) => remote.verify(proxy(onChecked)),
    profile: (request) => remote.profile(request),
    stop: () => remote.stop(),
    save: (picture) => remote.save(picture),
    // comlink's types know no readonly rest parameters.
    forget: (...pictures) => (remote.forget as unknown as StudioEngine["forget"])(...pictures),
    commandLine: (request) => remote.commandLine(request),
  };
}
