/** From what a process printed to the figures of its kernels. */
import type { CompiledCard } from "./cards.ts";
import type { Finding } from "./compare.ts";
import type { CompiledOutput } from "./compiled_text.ts";
import { COMPILERS, type KernelFigures, StatisticsError } from "./statistics.ts";

/**
 * The figures of all kernels that a process compiled.
 * @returns the figures by key, and what could not be compiled or read
 */
export function readFigures(
  { kernels, listing }: { readonly kernels: readonly CompiledOutput[]; readonly listing: string },
  { compiler, listsOnOutput }: Pick<CompiledCard, "compiler" | "listsOnOutput">,
): { readonly figures: ReadonlyMap<string, KernelFigures>; readonly errors: readonly Finding[] } {
  const figures = new Map<string, KernelFigures>();
  const errors: Finding[] = [];
  // A driver compiles kernels of its own first: those that were asked for are the last listings.
  const listings = listsOnOutput ? listing.split(/^(?=shader: )/m).slice(-kernels.length) : [];
  for (const [index, { key, error, text }] of kernels.entries()) {
    const fail = (text: string): number => errors.push({ key, fails: true, text });
    if (error === undefined) fail("the process ended while it was compiled");
    else if (error !== "") fail(error);
    else {
      try {
        figures.set(key, COMPILERS[compiler].read(text, listings[index]));
      } catch (error) {
        if (!(error instanceof StatisticsError)) throw error;
        fail(error.message);
      }
    }
  }
  return { figures, errors };
}
