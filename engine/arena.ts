/**
 * Which value lives in which buffer. A slot is one whole buffer, since WebGPU tracks usage per buffer and rejects a
 * dispatch that reads one range and writes another of the same buffer; values with disjoint lifetimes share a slot.
 */

/** From the first dispatch that touches a value to the last, both included. */
export interface Lifetime {
  /** Id of the tensor. */
  readonly id: number;
  /** Size of the value. */
  readonly bytes: number;
  /** Number of the first dispatch. */
  readonly first: number;
  /** Number of the last dispatch. */
  readonly last: number;
}

/** Slots and what lives in them. */
export interface Arena {
  /** Value id -> slot. */
  readonly slotOf: ReadonlyMap<number, number>;
  readonly slotBytes: readonly number[];
}

/**
 * Places values, largest first, into the slot that is free over their lifetime and wastes the fewest bytes; a new slot
 * where none is free. The largest value of a slot is its first, so slots never grow.
 */
export function assignSlots(lifetimes: readonly Lifetime[]): Arena {
  const slots: { bytes: number; occupants: Lifetime[] }[] = [];
  const slotOf = new Map<number, number>();
  const bySize = lifetimes.toSorted((a, b) => b.bytes - a.bytes || a.first - b.first);
  for (const value of bySize) {
    let best = -1;
    for (const [index, slot] of slots.entries()) {
      const free = slot.occupants.every((other) => other.last < value.first || value.last < other.first);
      if (free && (best < 0 || slot.bytes < (slots[best]?.bytes ?? Infinity))) best = index;
    }
    if (best < 0) best = slots.push({ bytes: value.bytes, occupants: [] }) - 1;
    slots[best]?.occupants.push(value);
    slotOf.set(value.id, best);
  }
  return { slotOf, slotBytes: slots.map((slot) => slot.bytes) };
}
