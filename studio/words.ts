/** Numbers in words for people. */

/** A duration: `under 1 s`, `about 12 s`, `about 4 min`, `about 2.5 h`, `about 5 days`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `about ${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `about ${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `about ${Number((seconds / 3600).toFixed(1))} h`;
  return `about ${Math.round(seconds / 86_400)} days`;
}

/** Bytes in decimal units: `310 MB`. */
export function bytes(count: number): string {
  return scaled(count, ["B", "kB", "MB", "GB", "TB"]);
}

/** A count in short: `4.5 M`. */
export function short(count: number): string {
  return scaled(count, ["", "k", "M", "G"]).trim();
}

/** Milliseconds with as many digits as they are worth: `0.42 ms`, `41 ms`. */
export function milliseconds(value: number): string {
  return `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} ms`;
}

/** `1 evaluation`, `29 evaluations`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function scaled(count: number, units: readonly string[]): string {
  let [value, unit] = [count, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value < 10 && unit > 0 ? Number(value.toFixed(1)) : Math.round(value)} ${units[unit]}`;
}
