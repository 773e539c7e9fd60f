/** Filling the missing values of a picture by medians of what is around them. */

/** Half the side of the first windows, less their middle. */
const FIRST_REACH = 2;

/**
 * Fills missing values round by round: in round k each takes the lower median of the values of its channel that are known
 * so far within 1 + k pixels, if there are any, and counts as known from the next round on.
 * @param image values [H, W, C]; those that are missing count for nothing
 * @param known which of them are known; where none is in a channel, its values stay
 * @param shape [H, W, C]
 * @returns [H, W, C]
 */
export function medianFilled(
  image: Float32Array,
  known: readonly boolean[],
  [height, width, channels]: readonly [number, number, number],
): Float32Array {
  const filled = image.slice();
  let seen = known;
  const isHopeless = Array.from({ length: channels }, (_, c) => !known.some((is, i) => is && i % channels === c));
  for (let reach = FIRST_REACH; seen.some((is, i) => !is && !isHopeless[i % channels]); reach++) {
    const before = filled.slice();
    seen = seen.map((is, i) => {
      if (is) return true;
      const [row, column, channel] = [
        Math.floor(i / (width * channels)),
        Math.floor(i / channels) % width,
        i % channels,
      ];
      const around: number[] = [];
      for (let y = Math.max(0, row - reach); y <= Math.min(height - 1, row + reach); y++) {
        for (let x = Math.max(0, column - reach); x <= Math.min(width - 1, column + reach); x++) {
          const place = (y * width + x) * channels + channel;
          if (seen[place]) around.push(before[place]!);
        }
      }
      if (around.length === 0) return false;
      filled[i] = around.sort((a, b) => a - b)[(around.length - 1) >> 1]!;
      return true;
    });
  }
  return filled;
}
