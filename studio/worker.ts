/** The worker of the page: the engine behind comlink, so that tracing and compiling do not freeze what is seen. */
import { expose, transfer } from "comlink";
import { Engine } from "./engine/engine.ts";
import type { OnStep, Pixels, Request, StudioEngine } from "./protocol.ts";

/** A file that lies beside the worker. */
async function beside(path: string, what: string): Promise<Blob> {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok) throw new Error(`Cannot read ${what}: the server answered ${response.status}`);
  return await response.blob();
}

const engine = new Engine(globalThis, {
  // Folders of the page are named as the last one of the path in the program.
  example: (path) => beside(path.replace(/^models\//, "./"), "the picture"),
  reference: (name) => beside(`./references/${name}`, `the reference file ${name}`),
});

/** What moves to the page instead of being copied. */
function buffersOf(...pictures: readonly (Pixels & { readonly values?: Float32Array<ArrayBuffer> })[]): ArrayBuffer[] {
  return pictures.flatMap(({ rgba, values }) => values ? [rgba.buffer, values.buffer] : [rgba.buffer]);
}

const exposed: StudioEngine = {
  facts: () => engine.facts(),
  tasks: () => engine.tasks(),
  openModel: (source, onProgress) => engine.openModel(source, onProgress),
  read: async (source) => {
    const picture = await engine.read(source);
    return transfer(picture, buffersOf(picture));
  },
  readMask: async (file, picture) => {
    const read = await engine.readMask(file, picture);
    return transfer(read, [read.mask.known.buffer]);
  },
  readKernel: async (file) => {
    const kernel = await engine.readKernel(file);
    return transfer(kernel, buffersOf(kernel));
  },
  diagnose: async (picture, onProgress) => {
    const diagnosis = await engine.diagnose(picture, onProgress);
    return transfer(diagnosis, diagnosis.advice?.mask ? [diagnosis.advice.mask.known.buffer] : []);
  },
  plan: (request) => engine.plan(request),
  restore: async (request: Request, onStep?: OnStep) => {
    const moved: OnStep | undefined = onStep && ((step) => onStep(transfer(step, buffersOf(step.picture))));
    const restored = await engine.restore(request, moved);
    const { pictures, measurement } = restored;
    return transfer(restored, buffersOf(...pictures, ...(measurement ? [measurement] : [])));
  },
  verify: (onChecked) => engine.verify(onChecked),
  profile: (request) => engine.profile(request),
  stop: () => engine.stop(),
  save: async (picture) => {
    const bytes = await engine.save(picture);
    return transfer(bytes, [bytes.buffer]);
  },
  forget: (...pictures) => engine.forget(...pictures),
  commandLine: (request) => engine.commandLine(request),
};

expose(exposed);
