/** Values for what is only timed. */

/** Values between -1 and 1; what a tensor holds does not change how long it takes to compute with it. */
export function madeUpValues(count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 2003) / 1001 - 1);
}
