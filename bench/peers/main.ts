/**
 * The comparison with other engines: `main.ts [options]`. Our process and one peer's are asked in turn, A B A B. Exit
 * codes: 0 done, 1 a peer failed or disagrees, 2 usage.
 */
import { chooseBackend } from "../../engine/mod.ts";
import { relativeError } from "../../metrics/mod.ts";
import { print, runProgram } from "../program.ts";
import { type Origin, originOf, recordRow } from "../row.ts";
import type { PeerCase } from "./cases.ts";
import settings from "./deno.json" with { type: "json" };
import { OURS, PeerMissingError, PEERS } from "./peer.ts";
import { PeerChild } from "./peer_child.ts";
import { type PeerOptions, peerOptions, PEERS_SPEC } from "./peer_options.ts";
import { compare, type PeerRow } from "./peer_row.ts";
import { formatPeerRows } from "./peer_table.ts";

/** Relative L2 distance allowed between a peer's result and ours. */
const ERROR_LIMIT = 1e-4;

/** Our process, with the cases that it has loaded. */
interface Ours {
  readonly child: PeerChild;
  readonly origin: Omit<Origin, "date">;
  readonly prepared: Set<string>;
}

/** What is kept of a peer's first contact with a case. */
type CaseStart = Pick<
  PeerRow,
  "error" | "loadMilliseconds" | "firstMilliseconds"
>;

async function comparePeers(options: PeerOptions): Promise<number> {
  await chooseBackend();
  const folder = await Deno.makeTempDir();
  const child = new PeerChild(OURS, folder);
  const rows: PeerRow[] = [];
  let failures = 0;
  try {
    const { device, features } = await child.request({ action: "open" });
    const ours: Ours = {
      child,
      origin: await originOf({ adapter: device, features }),
      prepared: new Set(),
    };
    for (const name of options.peers) {
      failures += await comparePeer(
        ours,
        name,
        options,
        folder,
        async (row) => {
          rows.push(row);
          if (options.json) await print(Deno.stdout, JSON.stringify(row));
          if (options.record) await recordRow(row);
        },
      );
    }
    await child.request({ action: "quit" });
  } finally {
    await child.end();
    await Deno.remove(folder, { recursive: true });
  }
  if (!options.json && rows.length > 0) {
    await print(Deno.stdout, formatPeerRows(rows));
  }
  return failures > 0 ? 1 : 0;
}

/** Measures one peer in a fresh process; a case that fails is told and skipped. Returns how many failed. */
async function comparePeer(
  ours: Ours,
  name: string,
  { cases, runs, slow }: PeerOptions,
  folder: string,
  take: (row: PeerRow) => Promise<void>,
): Promise<number> {
  const { packageName, backend, slowNetwork } = PEERS[name]!;
  const wanted = cases.filter(({ kind }) => kind !== "network" || !slowNetwork || slow);
  if (wanted.length === 0) return 0;
  const peer = new PeerChild(name, folder);
  let failures = 0;
  const attempt = async (
    what: string,
    body: () => Promise<void>,
  ): Promise<void> => {
    await print(Deno.stderr, `Measuring ${what}`);
    try {
      await body();
    } catch (error) {
      failures++;
      await print(Deno.stderr, `error: ${messageOf(error)}`);
    }
  };
  try {
    let version = "";
    let isMissing = false;
    await attempt(name, async () => {
      try {
        version = (await peer.request({ action: "open" })).version ??
          versionOf(packageName);
      } catch (error) {
        if (!(error instanceof PeerMissingError)) throw error;
        isMissing = true;
        await print(Deno.stderr, `${name} is left out: ${error.message}`);
      }
    });
    if (failures > 0 || isMissing) return failures;
    for (const which of wanted) {
      await attempt(`${which.name} in ${name}`, async () => {
        const start = await startCase(ours, peer, name, which, folder);
        const times = await alternate(ours.child, peer, which, runs);
        const { peakProcessBytes } = await peer.request({ action: "memory" });
        await take({
          kind: "peer",
          date: new Date().toISOString(),
          ...ours.origin,
          case: which.name,
          peer: `${packageName} ${version}`,
          backend,
          ...compare(times, backend),
          ...start,
          peakProcessBytes,
        });
      });
    }
  } finally {
    await peer.end();
  }
  return failures;
}

/** Loads a case in both engines and compares what they compute. */
async function startCase(
  ours: Ours,
  peer: PeerChild,
  name: string,
  which: PeerCase,
  folder: string,
): Promise<CaseStart> {
  const output = async (
    child: PeerChild,
    file: string,
  ): Promise<Float32Array> => {
    await child.request({
      action: "output",
      case: which.key,
      file: `${folder}/${file}`,
    });
    return new Float32Array((await Deno.readFile(`${folder}/${file}`)).buffer);
  };
  if (!ours.prepared.has(which.key)) {
    await ours.child.request({ action: "prepare", case: which.key });
  }
  ours.prepared.add(which.key);
  const start = await peer.request({ action: "prepare", case: which.key });
  const error = relativeError(
    await output(peer, "peer.f32"),
    await output(ours.child, "ours.f32"),
  );
  if (error <= ERROR_LIMIT) return { ...start, error };
  throw new Error(
    `Cannot compare the times of "${which.name}" in ${name}: its result differs from ours by ` +
      `${error.toExponential(1)} (relative L2), at most ${ERROR_LIMIT} is allowed`,
  );
}

/** Ours, an empty round trip, the peer, and again. Both have run the case at least twice before. */
async function alternate(
  ours: PeerChild,
  peer: PeerChild,
  which: PeerCase,
  runs: number,
): Promise<{ ours: number[]; peer: number[]; roundTrips: number[] }> {
  const times = {
    ours: [] as number[],
    peer: [] as number[],
    roundTrips: [] as number[],
  };
  for (let i = 0; i < runs; i++) {
    times.ours.push(
      ...(await ours.request({ action: "run", case: which.key, count: 1 }))
        .milliseconds,
    );
    times.roundTrips.push(
      ...(await ours.request({ action: "wait", count: 1 })).milliseconds,
    );
    times.peer.push(
      ...(await peer.request({ action: "run", case: which.key, count: 1 }))
        .milliseconds,
    );
  }
  return times;
}

/** The version that the settings name for a package. */
function versionOf(packageName: string): string {
  const pinned = new RegExp(`^npm:${packageName}@([^/]+)`);
  for (const target of Object.values(settings.imports)) {
    const version = pinned.exec(target)?.[1];
    if (version !== undefined) return version;
  }
  throw new Error(
    `Cannot tell the version of "${packageName}": bench/peers/deno.json does not import it`,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(
      PEERS_SPEC,
      Deno.args,
      (values) => comparePeers(peerOptions(values)),
    ),
  );
}
