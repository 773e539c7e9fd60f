/** Shares, times and bytes as people read them. */

/** A part of 1 as people read it. */
export function percent(part: number, digits = 1): string {
  return `${(100 * part).toFixed(digits)} %`;
}

/** A time as people read it. */
export function time(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  if (milliseconds >= 99.95) return `${milliseconds.toFixed(0)} ms`;
  return milliseconds >= 0.0995 ? `${milliseconds.toPrecision(3)} ms` : `${(1000 * milliseconds).toFixed(1)} us`;
}

/** Bytes as people read them. */
export function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e5 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}
