/** The WebGPU adapter of this machine: finding it, and installing a driver where there is none. */
export { findAdapterAnew, installDriver, InstallError, readMachine, type Say } from "./install.ts";
export * from "./plan.ts";
export { findAdapter, type FoundAdapter } from "./probe.ts";
