/** What can go wrong with workers, their devices, the disk and the wire. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { jetstream } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { QueueError } from "../../distribution/mod.ts";
import { UnitStore } from "../../distribution/unit_store.ts";
import type { ChunkResult } from "../../distribution/wire.ts";
import { DeviceLostError } from "../../engine/mod.ts";
import type { PlannedUnit, UnitRecord, Work } from "../../evaluation/mod.ts";
import { FileError } from "../../io/mod.ts";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { natsTest } from "./nats_server.ts";
import { Proxy } from "./proxy.ts";
import {
  bench,
  expectedTables,
  openQueue,
  pass,
  plannedUnits,
  serveAt,
  serveOptions,
  SUBJECT,
  tablesOf,
  workAt,
} from "./setting.ts";

natsTest(
  "a unit that ends every worker is tried, listed, and keeps no other one back",
  async ({ server: { host } }) => {
    const units = await plannedUnits();
    const poison = units[5]!.id;
    let deaths = 0;
    const store = new MemoryStore();
    const serving = serveAt(host, { store, lease: 1 });
    let isOver = false;
    void serving.finally(() => isOver = true).catch(() => {});
    while (!isOver) {
      const queue = await openQueue(host);
      const deadly = bench(async (units) => {
        if (!units.some(({ id }) => id === poison)) return;
        deaths++;
        // As of a process that ends: it says nothing more.
        await queue.connection.close();
        throw new Error("dead");
      });
      await workAt(host, { queue, open: () => Promise.resolve(deadly) }).catch(() => {});
    }
    const { failures } = await serving;
    assertEquals(failures.map(({ unit }) => unit.id), [poison]);
    assertStringIncludes(failures[0]!.reason, "5 workers had it");
    // Once with its neighbour, and then five times alone.
    assertEquals(deaths, 6);
    const kept = [...store.files.keys()].filter((name) => name.startsWith("units/") && name.endsWith(".json"));
    assertEquals(kept.length, units.length - 1);
  },
);

natsTest("errors, lost devices and devices that are too small: others try, and a unit of five tries is listed", async ({
  server: { host },
}) => {
  const units = await plannedUnits();
  const [broken, large] = [units[0]!.id, units[7]!.id];
  const notes: string[] = [];
  let opened = 0;
  let tries = 0;
  const small = (): ReturnType<typeof bench> => {
    opened++;
    const { run, ...rest } = bench((units) => {
      if (opened === 1) throw new DeviceLostError("The device was lost");
      if (!units.some(({ id }) => id === broken)) return;
      tries++;
      throw new Error("no such file");
    });
    return {
      ...rest,
      run: async (work, units, store, watch) => {
        const unit = units.find(({ id }) => id === large);
        if (!unit) return await run(work, units, store, watch);
        const failures = await run(work, units.filter((other) => other !== unit), store, watch);
        return [...failures, { unit, reason: "the device has too little memory", isDeviceLimit: true }];
      },
    };
  };
  const store = new MemoryStore();
  const note = (text: string): void => void notes.push(text);
  // Long enough for the other worker to come before all tries are over.
  const working = workAt(host, { open: () => Promise.resolve(small()), note, pause: 1 });
  const serving = serveAt(host, { store });
  while (!notes.some((text) => text.includes("is left to another machine"))) await pass(50);
  const [served] = await Promise.all([serving, working, workAt(host, { open: () => Promise.resolve(bench(refuse)) })]);
  function refuse(units: readonly { readonly id: string }[]): void {
    if (units.some(({ id }) => id === broken)) throw new Error("no such file");
  }
  assertEquals(served.failures.map(({ unit, reason }) => [unit.id, reason]), [[broken, "no such file"]]);
  assert(opened === 2 && tries > 0, `${opened} devices, ${tries} tries`);
  assert(store.files.has(`units/${large}.json`), "the other machine has made it");
});

natsTest("a cut longer than a lease: units are made twice and compared, and a difference names both adapters", async ({
  server: { host },
}) => {
  using proxy = new Proxy(host);
  const store = new MemoryStore();
  const notes: string[] = [];
  const serving = serveAt(host, { store, lease: 1, note: (text) => void notes.push(text) });
  let taken: readonly PlannedUnit[] | undefined;
  let calls = 0;
  const has = ({ id }: PlannedUnit): boolean => store.files.has(`units/${id}.json`);
  const far = bench(async (units) => {
    calls++;
    taken ??= units;
    // The first of its two units was made elsewhere meanwhile.
    while (!has(taken[0]!)) await pass(20);
    proxy.mend();
  });
  const run: typeof far.run = async (work, units, target, watch) => {
    const failures = await far.run(work, units, target, watch);
    const name = `units/${taken![0]!.id}.json`;
    if (calls > 1) return failures;
    const record = JSON.parse(new TextDecoder().decode(await target.read(name)));
    const changed = { ...record, device: "far away", metrics: { ...record.metrics, consistency: 0.5 } };
    await target.write(name, new TextEncoder().encode(JSON.stringify(changed)));
    return failures;
  };
  const cutOff = workAt(proxy.host, { open: () => Promise.resolve({ ...far, run }) });
  while (!taken) await pass(20);
  proxy.cut();
  const near = bench(async ([unit]) => {
    // The second one comes from the far worker.
    while (unit!.id === taken![1]!.id && !has(unit!)) await pass(20);
  });
  const [served] = await Promise.all([serving, cutOff, workAt(host, { open: () => Promise.resolve(near) })]);
  assertEquals(served.failures, []);
  const kept = JSON.parse(new TextDecoder().decode(store.files.get(`units/${taken[0]!.id}.json`))).device;
  assertEquals(served.differences, [{ unit: { ...taken[0]! }, kept, other: "far away" }]);
  assert(notes.some((text) => text.includes(`from ${kept}, which is kept, and from far away`)), notes.join("\n"));
  assertEquals(await tablesOf(store), await expectedTables());
});

natsTest("another network and another version are refused by workers, with what is needed", async ({
  server: { host },
}) => {
  const identity = { ...SUBJECT.identity, sha256: "1".repeat(64) };
  const queue = await openQueue(host);
  const options = await serveOptions({ store: new MemoryStore() });
  await queue.prepare(2);
  await queue.putOffer(options.offer);
  const other = await assertRejects(() => workAt(host, { subject: { ...SUBJECT, identity } }), QueueError);
  assertStringIncludes(other.message, `its network is "tenth" with SHA-256 ${"0".repeat(64)}`);
  await queue.putOffer({ ...options.offer, version: "0.0.1" });
  const older = await assertRejects(() => workAt(host), QueueError);
  assertStringIncludes(older.message, "it is of version 0.0.1");
  await queue.connection.close();
});

natsTest("a full disk stops the coordinator; what was made waits, and the next one takes it", async ({
  server: { host },
}) => {
  const store = new MemoryStore();
  let room = 9;
  const full = Object.assign(new MemoryStore(), {
    write: (name: string, bytes: Uint8Array) => {
      if (room-- <= 0) return Promise.reject(new FileError('Cannot write "x": no space is left on the disk'));
      return store.write(name, bytes);
    },
    read: (name: string) => store.read(name),
    has: (name: string) => store.has(name),
  });
  let made = 0;
  const working = workAt(host, { open: () => Promise.resolve(bench((units) => void (made += units.length))) });
  await assertRejects(() => serveAt(host, { store: full }), FileError, "no space is left");
  const [served] = await Promise.all([serveAt(host, { store }), working]);
  const units = await plannedUnits();
  assertEquals([served.failures, served.differences], [[], []]);
  assertEquals(made, units.length, "nothing is made twice");
  assertEquals(await tablesOf(store), await expectedTables());
});

natsTest("what does not fit the wire is refused, and told", async ({ server: { host } }) => {
  const store = new MemoryStore();
  const notes: string[] = [];
  const options = await serveOptions({ store, note: (text) => void notes.push(text) });
  const serving = serveAt(host, options);
  const queue = await openQueue(host);
  while (!notes.some((text) => text.startsWith("Serving"))) await pass(20);
  const { offer: { plan }, work } = options;
  queue.connection.publish("shortcut.test.result", "no JSON");
  queue.connection.publish("shortcut.test.worker", "no JSON");
  const send = async (result: unknown, tamper?: (object: string) => Promise<void>): Promise<void> => {
    const object = `result/${crypto.randomUUID()}`;
    await queue.put(object, new TextEncoder().encode(JSON.stringify(result)));
    await tamper?.(object);
    await queue.addNotice({
      plan,
      object,
      worker: crypto.getRandomValues(new Uint8Array(4)).toHex(),
      adapter: "forged",
    });
  };
  await send({ units: [], records: [], failures: [], pictures: {}, more: 1 });
  await send({ units: [], records: [{ id: "../../x" }], failures: [], pictures: {} });
  const unit = { ...(await plannedUnits())[0]! };
  const result = await resultOf(work, unit);
  await send({ ...result, units: [{ ...unit, image: 99 }] });
  await send({ ...result, units: [] });
  await send({ ...result, records: [...result.records, ...result.records] });
  await send(result, async (object) => {
    const { nuid } = (await (await new Objm(queue.connection).open("shortcut-test")).info(object))!;
    await jetstream(queue.connection).publish(`$O.shortcut-test.C.${nuid}`, `${JSON.stringify(result)} `);
  });
  const told = (text: string): boolean => notes.some((note) => note.includes(text));
  while (!["records.0", "is not of this plan", "is there twice", "its checksum"].every(told)) await pass(20);
  assertEquals(notes.filter((note) => note.includes("it is not of this plan")).length, 2);
  assert(told("Cannot read a notice: it is no JSON") && told("Cannot read a result: more"), notes.join("\n"));
  assertEquals(store.files.size, 0);
  await Promise.all([serving, workAt(host)]);
  assertEquals(await tablesOf(store), await expectedTables());
  await queue.connection.close();
});

/** What a worker gives back for a unit. */
async function resultOf(work: Work, unit: PlannedUnit): Promise<ChunkResult> {
  const store = new UnitStore();
  await bench().run(work, [unit], store, () => {});
  return store.result([unit], []);
}

natsTest("a unit whose results come together from three machines is compared", async ({ server: { host } }) => {
  const store = new MemoryStore();
  const write = store.write.bind(store);
  // As of a disk: the others come meanwhile.
  const slow = Object.assign(store, {
    write: (name: string, bytes: Uint8Array) => pass(50).then(() => write(name, bytes)),
  });
  const options = await serveOptions({ store: slow });
  const queue = await openQueue(host);
  await queue.prepare(2);
  const units = await plannedUnits();
  const send = async (unit: PlannedUnit, changed: UnitRecord["metrics"]): Promise<void> => {
    const object = `result/${crypto.randomUUID()}`;
    const result = await resultOf(options.work, { ...unit });
    const records = result.records.map((record) => ({ ...record, metrics: { ...record.metrics, ...changed } }));
    await queue.put(object, new TextEncoder().encode(JSON.stringify({ ...result, records })));
    await queue.addNotice({ plan: options.offer.plan, object, worker: "0".repeat(8), adapter: "forged" });
  };
  await send(units[1]!, {});
  for (const psnr of [1, 2, 3]) await send(units[0]!, { psnr });
  const [served] = await Promise.all([serveAt(host, options), workAt(host)]);
  assertEquals(
    served.differences.map(({ unit: { id } }) => id),
    [units[0]!.id, units[0]!.id],
    "two of three are others",
  );
  assertEquals(served.restored, units.length);
  await queue.connection.close();
});

natsTest(
  "a queue has one coordinator and one evaluation, until the other is replaced",
  async ({ server: { host } }) => {
    const options = await serveOptions({ store: new MemoryStore() });
    const notes: string[] = [];
    const serving = serveAt(host, { ...options, note: (text) => void notes.push(text) });
    while (!notes.some((text) => text.startsWith("Serving"))) await pass(20);
    await assertRejects(() => serveAt(host, options), QueueError, "another coordinator is at work there");
    await Promise.all([serving, workAt(host)]);
    const queue = await openQueue(host);
    await queue.prepare(2);
    await queue.putOffer({ ...options.offer, plan: "f".repeat(64), title: "The other" });
    await assertRejects(() => serveAt(host, options), QueueError, 'it holds the evaluation "The other"');
    const replacing = { ...options, store: new MemoryStore(), replace: true };
    await Promise.all([serveAt(host, replacing), pass(300).then(() => workAt(host))]);
    await queue.connection.close();
  },
);
