/** What is measured, for programs outside this folder: the networks, and files with their shapes, and what the programs take. */
export { BENCH_SPEC } from "./options.ts";
export { PEERS_SPEC } from "./peers/peer_options.ts";
export { NETWORKS } from "./networks.ts";
export { CHECKPOINT_DTYPES, type CheckpointDtype, writeRandomCheckpoint } from "./random_checkpoint.ts";
