/** Evaluations on several machines, through a queue on a NATS server with JetStream. */
export { JOB_OPTIONS, ONE_RUN, SERVE_OPTIONS } from "./options.ts";
export { writeJobs, type WrittenJobs } from "./write_jobs.ts";
export { serveEvaluation, type Serving, workForEvaluation, type Working } from "./command.ts";
export { QueueError } from "./connection.ts";
export { type Overview, overviewLines, type WorkerView } from "./overview.ts";
export type { Served } from "./coordinator.ts";
export type { Difference } from "./accept.ts";
export type { WorkerInputs } from "./offer.ts";
export { type Bench, benchOf, type Worked } from "./worker.ts";
export { type Offer, type WireEntry, WireError } from "./wire.ts";
