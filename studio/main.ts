/** The page's program: starts the worker that computes, and shows the page. */
import { effect } from "@preact/signals";
import { proxy, type Remote, wrap } from "comlink";
import { render } from "preact";
import { App } from "./components/app.ts";
import { h } from "./components/element.ts";
import { ModelLibrary } from "./models/library.ts";
import { LISTING, readListing } from "./models/listing.ts";
import type { ModelStore } from "./models/store.ts";
import { registerOffline, takeNewBuild } from "./offline/register.ts";
import type { StudioEngine } from "./protocol.ts";
import { Studio } from "./studio.ts";

void takeNewBuild(navigator, () => location.reload());

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
const library = new ModelLibrary(openStore, {
  list: () => readListing(document.baseURI),
  address: new URL(LISTING, document.baseURI).href,
  storage: navigator.storage,
});
render(h(App, { studio, library }), document.getElementById("studio")!);
// What is kept for later is fetched behind what is needed now.
void studio.start().then(() => registerOffline(navigator));

/** The worker that keeps models. */
function openStore(): ModelStore {
  const remote = wrap<ModelStore>(new Worker(new URL("./store_worker.js", import.meta.url), { type: "module" }));
  return {
    kept: () => remote.kept(),
    free: () => remote.free(),
    download: (model, list, onPhase) => remote.download(model, list, onPhase && proxy(onPhase)),
    pause: (sha256) => remote.pause(sha256),
    keep: (model, onPhase) => remote.keep(model, onPhase && proxy(onPhase)),
    open: (sha256) => remote.open(sha256),
    remove: (sha256) => remote.remove(sha256),
  };
}

/** The engine in the worker; functions that it calls stay on this side. */
function engineOf(remote: Remote<StudioEngine>): StudioEngine {
  return {
    facts: () => remote.facts(),
    tasks: () => remote.tasks(),
    openModel: (source, onProgress) => remote.openModel(source, onProgress && proxy(onProgress)),
    read: (source) => remote.read(source),
    readMask: (file, picture) => remote.readMask(file, picture),
    readKernel: (file) => remote.readKernel(file),
    diagnose: (picture, onProgress) => remote.diagnose(picture, onProgress && proxy(onProgress)),
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
