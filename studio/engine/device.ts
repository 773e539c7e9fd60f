/** The device of the page: opened when it is first needed, and anew where it was lost. */
import { ENGINE_VERSION, NoAdapterError, WebGpuRuntime } from "../../engine/mod.ts";
import type { AdapterFacts, Facts, MissingReason } from "../protocol.ts";

/** What decides whether there is WebGPU; in a worker `globalThis`. */
export interface Surroundings {
  /** Whether the page came over a connection that browsers trust. */
  readonly isSecureContext?: boolean;
  /** Has `gpu` where the browser knows WebGPU. */
  readonly navigator: { readonly gpu?: GPU };
}

/** What to do where there is no WebGPU, by the reason. */
const MESSAGES: Readonly<Record<MissingReason, string>> = {
  "insecure-origin":
    "Cannot compute: browsers offer WebGPU to pages on localhost and on https alone, and this page is on " +
    "neither; open it under such an address",
  "no-interface":
    "Cannot compute: this browser has no WebGPU, or it is switched off; take a current Chrome, Edge, Safari " +
    "or Firefox, or switch WebGPU on in its settings",
  "no-adapter":
    "Cannot compute: the browser knows WebGPU and found no graphics card that it may use; update the graphics " +
    "driver, or switch hardware acceleration on in the settings of the browser",
};

/** Why there is no WebGPU, as far as it shows before an adapter is asked for; undefined where nothing speaks against it. */
export function missingBefore({ isSecureContext, navigator }: Surroundings): MissingReason | undefined {
  // Where a browser hides WebGPU because of the address, it has no interface either.
  if (navigator.gpu) return undefined;
  return isSecureContext === false ? "insecure-origin" : "no-interface";
}

/** A device that is opened when it is needed. */
export class Device {
  readonly #surroundings: Surroundings;
  #runtime: Promise<WebGpuRuntime> | undefined;
  #missing: MissingReason | undefined;

  /** @param surroundings of the worker */
  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * The runtime.
   * @throws {NoAdapterError} if there is no WebGPU, with what to do
   */
  async runtime(): Promise<WebGpuRuntime> {
    this.#missing = missingBefore(this.#surroundings);
    if (this.#missing) throw new NoAdapterError(MESSAGES[this.#missing]);
    this.#runtime ??= WebGpuRuntime.open();
    try {
      return await this.#runtime;
    } catch (error) {
      this.#runtime = undefined;
      if (!(error instanceof NoAdapterError)) throw error;
      this.#missing = "no-adapter";
      throw new NoAdapterError(MESSAGES["no-adapter"], { cause: error });
    }
  }

  /** Lets go of the runtime, so that the next that is asked for is another; its tensors are lost. */
  async drop(): Promise<void> {
    const runtime = this.#runtime;
    this.#runtime = undefined;
    (await runtime?.catch(() => undefined))?.destroy();
  }

  /** What is known of the device; one that was lost is opened anew. */
  async facts(): Promise<Facts> {
    const version = ENGINE_VERSION;
    try {
      return { version, adapter: adapterFacts(await this.#working()), missing: null };
    } catch (error) {
      if (!(error instanceof NoAdapterError)) throw error;
      return { version, adapter: null, missing: { reason: this.#missing!, message: error.message } };
    }
  }

  /** Whether a device was opened that does not work: it is gone, its memory is full, or it reported an error. */
  async isBroken(): Promise<boolean> {
    const runtime = await this.#runtime?.catch(() => undefined);
    if (!runtime) return false;
    return await runtime.settle().then(() => false, () => true);
  }

  async #working(): Promise<WebGpuRuntime> {
    if (await this.isBroken()) await this.drop();
    return await this.runtime();
  }
}

function adapterFacts({ description, software, features, maxTensorBytes }: WebGpuRuntime): AdapterFacts {
  return { description, isSoftware: software, features, maxTensorBytes };
}
