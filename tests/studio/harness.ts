/** What a test needs in the page to speak to the worker: it is bundled and served beside it. */
import { proxy, wrap } from "comlink";

Object.assign(globalThis, { comlink: { proxy, wrap } });
