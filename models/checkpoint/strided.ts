/** Sizes and strides of elements in a block of memory, outermost first; [] is a single element. */
export interface StridedView {
  readonly shape: readonly number[];
  /** Elements from one index to the next, at least 0. */
  readonly stride: readonly number[];
}

/** Arrays by the bytes of their elements. */
export type Words = Uint8Array | Uint16Array | Uint32Array;

/**
 * The same elements in the same order with as few dimensions as possible: those of one element dropped, those that
 * continue each other merged.
 * @param view any
 * @returns [] for one element, [n] with stride 1 for n elements that lie one after another
 */
export function mergeDimensions({ shape, stride }: StridedView): StridedView {
  const merged: { size: number; step: number }[] = [];
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    const step = stride[i]!;
    const inner = merged[0];
    if (size === 1) continue;
    if (inner !== undefined && step === inner.size * inner.step) inner.size *= size;
    else merged.unshift({ size, step });
  }
  return { shape: merged.map(({ size }) => size), stride: merged.map(({ step }) => step) };
}

/**
 * Whether the elements lie one after another.
 * @param view as `mergeDimensions` returns it
 */
export function isContiguous({ shape, stride }: StridedView): boolean {
  return shape.length === 0 || (shape.length === 1 && stride[0] === 1);
}

/**
 * The smallest range of memory that a run of elements can need, by the outermost dimension.
 * @param view of at least one dimension
 * @param first index of the first element, counted in order
 * @param count number of elements, at least 1
 * @returns first index in memory, and one past the last
 */
export function memoryRange({ shape, stride }: StridedView, first: number, count: number): [number, number] {
  let inner = 1;
  let reach = 0;
  for (let i = 1; i < shape.length; i++) {
    inner *= shape[i]!;
    reach += (shape[i]! - 1) * stride[i]!;
  }
  const last = Math.floor((first + count - 1) / inner);
  return [Math.floor(first / inner) * stride[0]!, last * stride[0]! + reach + 1];
}

/**
 * Copies those elements of a strided view that lie in a window of its memory, each to its place.
 * @param target [n] elements first to first + n of the view, in order
 * @param view of at least one dimension
 * @param first index of the first element, counted in order
 * @param window the memory from index `begin` on, as many elements as the array has
 */
export function copyStrided<T extends Words>(
  target: T,
  { shape, stride }: StridedView,
  first: number,
  window: { readonly begin: number; readonly words: T },
): void {
  const { begin, words } = window;
  const rank = shape.length;
  const size = shape[rank - 1]!;
  const step = stride[rank - 1]!;
  // Index of the first run in the outer dimensions, and where it begins in the window.
  const index = new Array<number>(rank).fill(0);
  let rest = Math.floor(first / size);
  let start = -begin;
  for (let i = rank - 2; i >= 0; i--) {
    index[i] = rest % shape[i]!;
    rest = Math.floor(rest / shape[i]!);
    start += index[i]! * stride[i]!;
  }
  let from = first % size;
  for (let at = 0; at < target.length;) {
    const run = Math.min(size - from, target.length - at);
    copyRun(target, at, words, start + from * step, step, run);
    at += run;
    from = 0;
    for (let i = rank - 2; i >= 0; i--) {
      start += stride[i]!;
      if (++index[i]! < shape[i]!) break;
      start -= shape[i]! * stride[i]!;
      index[i] = 0;
    }
  }
}

/** target[at + k] = words[start + k step] for k = 0 to run - 1, where there is such a word. */
function copyRun<T extends Words>(target: T, at: number, words: T, start: number, step: number, run: number): void {
  const length = words.length;
  let low = 0;
  let high = run;
  if (start < 0 || start + (run - 1) * step >= length) {
    if (step === 0) return;
    low = start < 0 ? Math.ceil(-start / step) : 0;
    high = Math.min(run, Math.floor((length - 1 - start) / step) + 1);
  }
  if (step === 1 && high - low > 16) {
    target.set(words.subarray(start + low, start + high), at + low);
    return;
  }
  for (let k = low, source = start + low * step; k < high; k++, source += step) target[at + k] = words[source]!;
}
