/** What becomes of a request to the worker that plays a part, by its seed. */
export const SEEDS = { endless: 1, lost: 2, memory: 3 } as const;
