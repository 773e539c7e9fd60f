/** Taking the result of a chunk into the store: everything is checked before anything is written. */
import {
  canonical,
  hashOf,
  pairName,
  type PlannedUnit,
  type PlanUnits,
  readUnit,
  shownFiles,
  type Store,
  UNIT_FILES,
  type UnitRecord,
  type Work,
  writeText,
} from "../evaluation/mod.ts";
import { imageOfPng } from "../io/mod.ts";
import { type ChunkResult, WireError } from "./wire.ts";

/** The same unit from two machines, with other results. */
export interface Difference {
  /** The unit. */
  readonly unit: PlannedUnit;
  /** The adapter of the result that is kept. */
  readonly kept: string;
  /** The adapter of the other one. */
  readonly other: string;
}

/** What came of a result. */
export interface Accepted {
  /** Places of units that were stored. */
  readonly stored: readonly number[];
  /** Places of those that were there already. */
  readonly there: readonly number[];
  /** Units that could not be made, with their places. */
  readonly failures: readonly { readonly index: number; readonly unit: PlannedUnit; readonly reason: string }[];
  /** Units that came a second time with other pictures or figures. */
  readonly differences: readonly Difference[];
}

/** The plan that results must be of. */
export interface Expected {
  /** The work of the plan. */
  readonly work: Work;
  /** Its units. */
  readonly units: PlanUnits;
}

/** A unit of the plan with its place there. */
interface Placed {
  readonly index: number;
  readonly unit: PlannedUnit;
}

/** A checked unit, with its files by their names in the store. */
interface Checked extends Placed {
  readonly record: UnitRecord;
  readonly picture: Uint8Array<ArrayBuffer>;
  readonly shown: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Checks a result and stores it; a unit that is stored already is compared and left as it is.
 * @throws {WireError} if something does not fit; nothing is written then
 * @throws {FileError} if the disk does not take it
 */
export async function acceptResult(expected: Expected, result: ChunkResult, store: Store): Promise<Accepted> {
  const places = await placesOf(expected.units, result.units);
  const placed = (id: string): Placed => places.get(id) ?? refuse(id, "it is not of this plan");
  const failures = result.failures.map(({ id, reason }) => ({ ...placed(id), reason }));
  const checked: Checked[] = [];
  for (const record of result.records) {
    if (checked.some(({ unit }) => unit.id === record.id)) refuse(record.id, "it is there twice");
    checked.push(await check(expected.work, placed(record.id), record, result.pictures));
  }
  const outcomes = await Promise.allSettled(checked.map((each) => keep(each, store)));
  // After all of them: none may be on its way to the disk when the result is taken once more.
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  const kept = outcomes.flatMap((outcome) => outcome.status === "fulfilled" ? [outcome.value] : []);
  return {
    stored: kept.flatMap(({ index, isNew }) => isNew ? [index] : []),
    there: kept.flatMap(({ index, isNew }) => isNew ? [] : [index]),
    differences: kept.flatMap(({ difference }) => difference ?? []),
    failures,
  };
}

/** What came of storing a unit. */
interface Kept {
  readonly index: number;
  readonly isNew: boolean;
  readonly difference?: Difference;
}

/** Stores a unit, or compares it with the one that is there. */
async function keep({ index, unit, record, picture, shown }: Checked, store: Store): Promise<Kept> {
  const there = await readUnit(store, unit.id);
  if (there) {
    const bytes = await store.read(UNIT_FILES.picture(unit.id));
    const isSame = canonical(timeless(there)) === canonical(timeless(record)) && isEqual(bytes, picture);
    const difference = { unit, kept: there.device, other: record.device };
    return { index, isNew: false, ...(isSame ? {} : { difference }) };
  }
  for (const [name, bytes] of shown) if (!(await store.has(name))) await store.write(name, bytes);
  await store.write(UNIT_FILES.picture(unit.id), picture);
  // Last: a unit counts when this file is there.
  await writeText(store, UNIT_FILES.record(unit.id), record);
  return { index, isNew: true };
}

/** What of a record does not depend on the machine and its speed. */
function timeless({ time: _time, device: _device, peakDeviceBytes: _peak, ...record }: UnitRecord): object {
  return record;
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function refuse(id: string, reason: string): never {
  throw new WireError(`Cannot take the result of unit ${id}: ${reason}`);
}

/** The units of a chunk by their names, with their places in the plan. */
async function placesOf(all: PlanUnits, units: readonly PlannedUnit[]): Promise<ReadonlyMap<string, Placed>> {
  const places = new Map<string, Placed>();
  for (const unit of units) {
    const index = all.indexOf(unit);
    if (index < 0 || (await all.at(index)).id !== unit.id) refuse(unit.id, "it is not of this plan");
    places.set(unit.id, { index, unit });
  }
  return places;
}

async function check(
  work: Work,
  { index, unit }: Placed,
  record: UnitRecord,
  pictures: ChunkResult["pictures"],
): Promise<Checked> {
  if (await hashOf(record.key) !== record.id) refuse(record.id, "its key is of another unit");
  const { task: { isGray = false } } = work.pairs.get(pairName(unit))!;
  const { width, height } = record;
  if (Math.max(width, height) > work.plan.size) refuse(record.id, `its picture has ${width} x ${height} pixels`);
  const { truth, before } = await shownFiles(record.key, { width, height, isGray });
  if (record.truth !== truth || record.before !== before) refuse(record.id, "it names pictures of another unit");
  const decoded = async (name: string): Promise<Uint8Array<ArrayBuffer>> => {
    const text = Object.hasOwn(pictures, name) ? pictures[name] : undefined;
    if (text === undefined) return refuse(record.id, `"${name}" is missing`);
    try {
      const bytes = Uint8Array.fromBase64(text);
      const image = await imageOfPng(bytes, width * height);
      if (image.width === width && image.height === height) return bytes;
    } catch {
      refuse(record.id, `"${name}" is no PNG file of ${width} x ${height} pixels`);
    }
    return refuse(record.id, `"${name}" has another size`);
  };
  const shown = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of [truth, before]) shown.set(UNIT_FILES.shown(name), await decoded(UNIT_FILES.shown(name)));
  return { index, unit, record, picture: await decoded(UNIT_FILES.picture(unit.id)), shown };
}
