/** Numbers of scikit-image, SciPy and NumPy; see record.py. */

/** What record.py writes. */
export interface Recorded {
  readonly images: Readonly<Record<"steep" | "ramp", Readonly<Record<string, number>>>>;
  readonly features: { readonly distance: number; readonly eigenvalues: readonly number[] };
  readonly student: readonly (readonly [degrees: number, confidence: number, quantile: number])[];
  readonly summary: {
    readonly values: readonly number[];
    readonly mean: number;
    readonly standardDeviation: number;
    readonly standardError: number;
    readonly interval: readonly [number, number];
  };
}

/** The recorded numbers. */
export const RECORDED: Recorded = JSON.parse(
  await Deno.readTextFile(new URL("recorded.json", import.meta.url)),
);
