/** The command line of the comparison. */
import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../options.ts";
import { PEER_CASES, type PeerCase } from "./cases.ts";
import { PEERS } from "./peer.ts";

/** What to compare. */
export interface PeerOptions {
  readonly cases: readonly PeerCase[];
  /** Names of peers. */
  readonly peers: readonly string[];
  /** Runs of each case in each engine. */
  readonly runs: number;
  /** Whether peers that compile for minutes run the network too. */
  readonly slow: boolean;
  /** Whether rows are printed as JSON lines instead of a table. */
  readonly json: boolean;
  /** Whether rows are appended to the results. */
  readonly record: boolean;
}

const FLAGS = ["slow", "json", "no-record", "help"] as const;
const VALUED = ["only", "peers", "runs"] as const;

const DEFAULT_RUNS = 5;

/** The help text. */
export function peerHelpText(): string {
  const cases = PEER_CASES.map(({ key, name }) => `  ${key.padEnd(13)}${name}`);
  return `Runs the same work in other engines on this adapter, in turn with ours, and prints the ratios of the times.

Usage: deno task peers [options]

Options:
  --only CASE[,CASE]   Cases; all by default
  --peers NAME[,NAME]  Peers; all by default: ${Object.keys(PEERS).join(", ")}
  --runs N             Runs of each case in each engine, 1 to 1000; ${DEFAULT_RUNS} by default
  --slow               Let jax-webgpu run the network too: it compiles for minutes on a software adapter
  --json               Print one JSON object a line instead of a table
  --no-record          Do not append the rows to bench/results
  --help               Show this text

Cases:
${cases.join("\n")}`;
}

/**
 * Reads the command line.
 * @param words what follows the name of the task
 * @returns the options, or "help" if help was asked for
 * @throws {UsageError} naming the option that is unknown or has a wrong value
 */
export function parsePeerOptions(
  words: readonly string[],
): PeerOptions | "help" {
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parseArgs(words, {
    boolean: FLAGS,
    string: [...VALUED, "_"],
    unknown: (word, key) => {
      if (key === undefined) return true;
      throw new UsageError(
        `peers has no option "${word}"; "peers --help" lists the options`,
      );
    },
  });
  if (parsed.help === true) return "help";
  if (parsed._.length > 0) {
    throw new UsageError(
      `peers takes no arguments, it was given "${parsed._.join(" ")}"`,
    );
  }
  const keys = PEER_CASES.map(({ key }) => key);
  const chosen = choices("only", parsed.only, keys);
  const runs = String(parsed.runs ?? DEFAULT_RUNS);
  if (!/^[1-9]\d{0,2}$|^1000$/.test(runs)) {
    throw new UsageError(
      `--runs is "${runs}", a whole number from 1 to 1000 is needed`,
    );
  }
  return {
    cases: PEER_CASES.filter(({ key }) => chosen.includes(key)),
    peers: choices("peers", parsed.peers, Object.keys(PEERS)),
    runs: Number(runs),
    slow: parsed.slow === true,
    json: parsed.json === true,
    record: parsed["no-record"] !== true,
  };
}

function choices(
  option: string,
  value: unknown,
  known: readonly string[],
): readonly string[] {
  if (value === undefined) return known;
  const given = String(value).split(",");
  const unknown = given.find((word) => !known.includes(word));
  if (unknown === undefined) return given;
  throw new UsageError(
    `--${option} is "${unknown}", one of ${known.join(", ")} is needed`,
  );
}
