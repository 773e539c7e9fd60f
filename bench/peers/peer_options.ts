/** The command line of the comparison. */
import { checkOption, numberOf, type OptionValues, textOf } from "../../parameters/mod.ts";
import { type CommandSpec } from "../../io/mod.ts";
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

const DEFAULT_RUNS = 5;

/** What the command takes. */
export const PEERS_SPEC: CommandSpec = {
  name: "peers",
  summary:
    "Runs the same work in other engines on this adapter, in turn with ours, and prints the ratios of the times.",
  operands: { usage: "", min: 0, max: 0 },
  options: {
    only: { kind: "text", value: "CASE[,CASE]", help: "Cases; all by default" },
    peers: {
      kind: "text",
      value: "NAME[,NAME]",
      help: `Peers; all by default: ${Object.keys(PEERS).join(", ")}`,
    },
    runs: { kind: "integer", min: 1, max: 1000, help: `Runs of each case in each engine (default ${DEFAULT_RUNS})` },
    slow: {
      kind: "flag",
      help: "Let jax-webgpu run the network too: it compiles for minutes on a software adapter",
    },
    json: { kind: "flag", help: "Print one JSON object a line instead of a table" },
    "no-record": { kind: "flag", help: "Do not append the rows to bench/results" },
  },
  lists: [{ title: "Cases", rows: PEER_CASES.map(({ key, name }) => [key, name]) }],
  examples: [["deno task peers --only conv64,matmul --peers ort-webgpu", "two operations in ONNX Runtime Web"]],
};

/**
 * What a command line asks for.
 * @throws {UsageError} naming the case or peer that is not there
 */
export function peerOptions(values: OptionValues): PeerOptions {
  const chosen = (option: string, known: readonly string[]): readonly string[] =>
    textOf(values, option)?.split(",").map((word) =>
      String(checkOption(option, { kind: "choice", choices: known, help: "" }, word))
    ) ?? known;
  const keys = chosen("only", PEER_CASES.map(({ key }) => key));
  return {
    cases: PEER_CASES.filter(({ key }) => keys.includes(key)),
    peers: chosen("peers", Object.keys(PEERS)),
    runs: numberOf(values, "runs") ?? DEFAULT_RUNS,
    slow: values["slow"] === true,
    json: values["json"] === true,
    record: values["no-record"] !== true,
  };
}
