/** The options of an evaluation on several machines. */
import type { OptionSpec } from "../parameters/mod.ts";

/** Where a queue is, and how it is reached. */
const QUEUE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  queue: { kind: "text", value: "NAME", help: "Name of the queue on that server (default evaluation)" },
  credentials: {
    kind: "text",
    value: "FILE",
    help: "Who one is on that server: a .creds file, a line with a token, or two with user and password",
  },
  certificates: { kind: "text", value: "FILE", help: "PEM file of whoever signed the certificate of a tls:// server" },
};

/** The options of an evaluation on several machines, by their names on a command line. */
export const SERVE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  serve: {
    kind: "text",
    value: "URL",
    help: "Let other machines restore: fill a queue on the NATS server nats://HOST:PORT, and take the results",
  },
  ...QUEUE_OPTIONS,
  chunk: {
    kind: "integer",
    min: 1,
    max: 1000,
    help: "With --serve: units that a worker takes at once (default: 8 of 64x64, fewer of larger)",
  },
  lease: {
    kind: "number",
    min: 1,
    max: 86_400,
    help: "With --serve: seconds without a sign of life after which the units of a worker go to others (default 60)",
  },
  metrics: {
    kind: "integer",
    value: "PORT",
    min: 1,
    max: 65_535,
    help: "With --serve: progress for Prometheus at /metrics of this port, which this machine alone can reach",
  },
  replace: { kind: "flag", help: "With --serve: remove another unfinished evaluation from the queue" },
};

/** The options of shards as jobs of a cluster. */
export const JOB_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  slurm: {
    kind: "text",
    value: "FILE",
    help: "Write a script that queues --shards and their merge with Slurm, and stop",
  },
  kubernetes: {
    kind: "text",
    value: "FILE",
    help: "Write a manifest (JSON) of --shards as an Indexed Job and of their merge, for kubectl apply, and stop",
  },
  shards: { kind: "integer", min: 2, max: 10_000, help: "With --slurm and --kubernetes: number of shards" },
  container: {
    kind: "text",
    value: "IMAGE",
    help: "With --kubernetes: image with bash, Deno and this program in its working directory",
  },
  claim: {
    kind: "text",
    value: "NAME",
    help: "With --kubernetes: claim of the volume for --out, mounted at the folder that --out is in",
  },
  limits: {
    kind: "text",
    value: "LIST",
    help: "With --kubernetes: limits of each shard, such as nvidia.com/gpu=1,memory=16Gi (default none)",
  },
};

/** Options that say how one run is done and not what is evaluated; what an evaluation keeps of its command has none. */
export const ONE_RUN: Readonly<Record<string, OptionSpec>> = {
  ...SERVE_OPTIONS,
  ...JOB_OPTIONS,
  shard: { kind: "text", help: "One part" },
  json: { kind: "flag", help: "JSON lines" },
};
