/** Which training timesteps a sampler visits: evenly spaced lists, rounded the way the published programs round. */

/**
 * Timesteps of Shortcut Sampling: count values from 0 to t0 - 1, evenly spaced, duplicates dropped. The position is a
 * running f64 sum of the stride (t0 - 1)/(count - 1), rounded half to even, which decides single timesteps.
 * @param t0 shortcut timestep, at least 2 (Liu et al., Accelerating Diffusion Models for Inverse Problems through
 *   Shortcut Sampling)
 * @param count length of the list before duplicates are dropped, 2..t0
 * @returns ascending timesteps, the first 0 and the last t0 - 1
 * @throws {RangeError} if count or t0 are out of range
 */
export function ssdTimesteps(t0: number, count: number): readonly number[] {
  if (!Number.isInteger(t0) || t0 < 2) {
    throw new RangeError(`Cannot space timesteps: t0 is ${t0}, an integer of at least 2 is needed`);
  }
  if (!Number.isInteger(count) || count < 2 || count > t0) {
    throw new RangeError(`Cannot space timesteps below ${t0}: ${count} steps were asked for, 2..${t0} are possible`);
  }
  return ascendingSet(section(0, t0, count));
}

/**
 * Timesteps of guided-diffusion's respacing rule.
 * @param total training timesteps T, such as 1000
 * @param rule "N" (N values over the whole range), "a,b,c" (equal sections with a count each; sections differ by one
 *   timestep at most, the longer ones first), or "ddimN" (the smallest integer stride that gives exactly N values)
 * @returns ascending timesteps
 * @throws {RangeError} if the rule cannot be read, a section is shorter than its count, or no stride gives N values
 */
export function spaceTimesteps(total: number, rule: string): readonly number[] {
  const ddim = /^ddim(\d+)$/.exec(rule);
  if (ddim) return strided(total, Number(ddim[1]));
  if (!/^\d+(,\d+)*$/.test(rule)) {
    throw new RangeError(`Cannot space timesteps by "${rule}": it is neither "N" nor "a,b,c" nor "ddimN"`);
  }
  const counts = rule.split(",").map(Number);
  const base = Math.floor(total / counts.length);
  const longer = total % counts.length;
  const timesteps: number[] = [];
  let start = 0;
  for (const [index, count] of counts.entries()) {
    const size = base + (index < longer ? 1 : 0);
    if (count > size) {
      throw new RangeError(`Cannot space timesteps by "${rule}": section ${index} has ${size} timesteps, not ${count}`);
    }
    timesteps.push(...section(start, size, count));
    start += size;
  }
  return ascendingSet(timesteps);
}

/** Count values over `size` timesteps from `start`, both ends included; a single value is the start. */
function section(start: number, size: number, count: number): number[] {
  const stride = count > 1 ? (size - 1) / (count - 1) : 1;
  const timesteps: number[] = [];
  let position = 0;
  for (let k = 0; k < count; k++) {
    timesteps.push(start + roundHalfToEven(position));
    position += stride;
  }
  return timesteps;
}

function strided(total: number, count: number): readonly number[] {
  for (let stride = 1; stride < total; stride++) {
    if (Math.ceil(total / stride) === count) return Array.from({ length: count }, (_, k) => k * stride);
  }
  throw new RangeError(`Cannot space timesteps by "ddim${count}": no integer stride gives ${count} of ${total}`);
}

/** The nearest integer; of two equally near ones the even one. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const isTie = value - floor === 0.5;
  return isTie ? floor + (floor % 2) : Math.round(value);
}

function ascendingSet(values: readonly number[]): readonly number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/**
 * Timesteps of DDNM: 0, s, 2 s, ... with the stride s = floor(T/count), count of them; the noisiest are never visited
 * where T is no multiple of count.
 * @param total training timesteps T
 * @param count number of steps, 1..T
 * @returns ascending timesteps
 * @throws {RangeError} if count is out of range
 */
export function ddnmTimesteps(total: number, count: number): readonly number[] {
  const stride = strideOf(total, count);
  return Array.from({ length: count }, (_, k) => k * stride);
}

/**
 * Timesteps of DDRM and DDS: every s-th from 0 below T with s = floor(T/count), which may be more than count.
 * @param total training timesteps T
 * @param count nominal number of steps, 1..T
 * @returns ascending timesteps
 * @throws {RangeError} if count is out of range
 */
export function strideTimesteps(total: number, count: number): readonly number[] {
  const stride = strideOf(total, count);
  return Array.from({ length: Math.ceil(total / stride) }, (_, k) => k * stride);
}

/**
 * Timesteps of DiffPIR, dense where there is little noise: T - 1 - floor(T sqrt(i/(count - 1))), the last one 0.
 * @param total training timesteps T
 * @param count number of steps, 2..T
 * @returns ascending timesteps
 * @throws {RangeError} if count is out of range
 */
export function quadraticTimesteps(total: number, count: number): readonly number[] {
  checkCount(count, 2, total);
  const spaced = Array.from({ length: count }, (_, i) => Math.floor(Math.sqrt((i * total * total) / (count - 1))));
  return ascendingSet(spaced.map((position) => Math.max(0, total - 1 - position)));
}

/** Part of the steps that `noiseTimesteps` spends below the noise of the measurement. */
const BELOW = 0.75;

/**
 * Timesteps for a noisy measurement: three quarters of them evenly from 0 to the first level that is noisier than the
 * measurement, where alone its noise is taken off, and the others evenly above. With a measurement without noise, those of
 * DDNM.
 * @param alphaBar of every training timestep, falling
 * @param count number of steps, 1..T
 * @param sigmaY deviation of the noise, in units of the image
 * @returns ascending timesteps, count of them
 * @throws {RangeError} if count is out of range
 */
export function noiseTimesteps(alphaBar: ArrayLike<number>, count: number, sigmaY: number): readonly number[] {
  const total = alphaBar.length;
  checkCount(count, 1, total);
  const found = Array.from(alphaBar).findIndex((value) => 1 - value > value * sigmaY ** 2);
  const first = found < 0 ? total : found;
  if (first === 0) return ddnmTimesteps(total, count);
  const above = Math.min(count - Math.ceil(BELOW * count), total - first);
  const below = Math.min(count - above, first);
  const evenly = (start: number, end: number, steps: number): number[] =>
    Array.from({ length: steps }, (_, k) => start + Math.floor(k * (end - start) / steps));
  return [...evenly(0, first, below), ...evenly(first, total, count - below)];
}

function strideOf(total: number, count: number): number {
  checkCount(count, 1, total);
  return Math.floor(total / count);
}

function checkCount(count: number, least: number, total: number): void {
  if (Number.isInteger(count) && count >= least && count <= total) return;
  throw new RangeError(`Cannot space timesteps: ${count} steps were asked for, ${least}..${total} are possible`);
}
