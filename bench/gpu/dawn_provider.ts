/** Dawn through its Node package: another provider of adapters, which may offer subgroup matrices. */
import { type DawnPackage, dawnProvider } from "../../engine/mod.ts";

/**
 * Loads Dawn, experimental features allowed.
 * @throws {Error} if the package is not installed or does not load on this system
 */
export async function openDawn(): Promise<GPU> {
  // Not a literal, so that type checks and tests of the product never look for the package.
  const specifier: string = "webgpu";
  return dawnProvider(await import(specifier) as DawnPackage);
}
