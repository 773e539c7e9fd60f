/**
 * The order in which `std::sort` of libstdc++ leaves positions sorted by their keys. It is not stable, but it is
 * determined: programs that sort with it, PyTorch on the CPU among them, put equal keys in this order.
 */

/** Ranges of at most this length are left to the final insertion sort. */
const THRESHOLD = 16;

/** Whether the element `a` must stand before the element `b`. */
type Before = (a: number, b: number) => boolean;

/**
 * Positions of the keys from the largest to the smallest, equal keys as the introsort of libstdc++ leaves them:
 * quicksort with the median of the second, middle and last element moved to the front and an unguarded partition, down
 * to ranges of 16 elements; heap sort after 2 floor(log2 n) nested partitions; insertion sort over everything at the end.
 * @param keys numbers, none of them NaN
 */
export function introsortDescending(keys: ArrayLike<number>): Int32Array {
  return introsort(Int32Array.from(keys, (_, position) => position), (a, b) => keys[a]! > keys[b]!);
}

/** Sorts all elements in place and returns them. */
function introsort(items: Int32Array, before: Before): Int32Array {
  partitionAll(items, before, { first: 0, last: items.length, depth: 2 * Math.floor(Math.log2(items.length || 1)) });
  const guarded = Math.min(THRESHOLD, items.length);
  for (let i = 1; i < guarded; i++) {
    if (before(items[i]!, items[0]!)) {
      const value = items[i]!;
      items.copyWithin(1, 0, i);
      items[0] = value;
    } else insertUnguarded(items, before, i);
  }
  for (let i = guarded; i < items.length; i++) insertUnguarded(items, before, i);
  return items;
}

/** Elements `first` to `last - 1`, and how many more partitions may be nested. */
interface Range {
  readonly first: number;
  readonly last: number;
  readonly depth: number;
}

/** Partitions ranges until none is longer than the threshold; too deep a range is sorted by a heap. */
function partitionAll(items: Int32Array, before: Before, range: Range): void {
  let { first, last, depth } = range;
  while (last - first > THRESHOLD) {
    if (depth === 0) return heapSort(items.subarray(first, last), before);
    depth--;
    moveMedianToFirst(items, before, first, last);
    const cut = partition(items, before, first, last);
    partitionAll(items, before, { first: cut, last, depth });
    last = cut;
  }
}

/** Exchanges the first element with the median of the second, the middle and the last one. */
function moveMedianToFirst(items: Int32Array, before: Before, first: number, last: number): void {
  const [a, b, c] = [first + 1, first + Math.floor((last - first) / 2), last - 1];
  const isBefore = (i: number, j: number): boolean => before(items[i]!, items[j]!);
  const median = isBefore(a, b)
    ? (isBefore(b, c) ? b : isBefore(a, c) ? c : a)
    : (isBefore(a, c) ? a : isBefore(b, c) ? c : b);
  swap(items, first, median);
}

/** Partitions a range by its first element, which the median of three keeps from running out of it. */
function partition(items: Int32Array, before: Before, first: number, last: number): number {
  const pivot = items[first]!;
  let [low, high] = [first + 1, last];
  for (;;) {
    while (before(items[low]!, pivot)) low++;
    high--;
    while (before(pivot, items[high]!)) high--;
    if (low >= high) return low;
    swap(items, low, high);
    low++;
  }
}

/** Moves an element forward to its place; an element that stays before it is there. */
function insertUnguarded(items: Int32Array, before: Before, at: number): void {
  const value = items[at]!;
  let to = at;
  for (; before(value, items[to - 1]!); to--) items[to] = items[to - 1]!;
  items[to] = value;
}

/** Heap sort of all elements: a heap whose root comes last, and the root taken off again and again. */
function heapSort(items: Int32Array, before: Before): void {
  for (let parent = Math.floor(items.length / 2) - 1; parent >= 0; parent--) {
    sift(items, before, { hole: parent, length: items.length, value: items[parent]! });
  }
  for (let last = items.length - 1; last > 0; last--) {
    const value = items[last]!;
    items[last] = items[0]!;
    sift(items, before, { hole: 0, length: last, value });
  }
}

/** Puts a value into the heap below a hole: the hole sinks to a leaf, then the value rises from there. */
function sift(
  items: Int32Array,
  before: Before,
  { hole: top, length, value }: { readonly hole: number; readonly length: number; readonly value: number },
): void {
  let hole = top;
  for (let child = 2 * hole + 2; child <= length; child = 2 * hole + 2) {
    // The right child, or the left one where it comes later or is the only one.
    if (child === length || before(items[child]!, items[child - 1]!)) child--;
    items[hole] = items[child]!;
    hole = child;
  }
  for (let parent = (hole - 1) >> 1; hole > top && before(items[parent]!, value); parent = (hole - 1) >> 1) {
    items[hole] = items[parent]!;
    hole = parent;
  }
  items[hole] = value;
}

function swap(items: Int32Array, i: number, j: number): void {
  [items[i], items[j]] = [items[j]!, items[i]!];
}
