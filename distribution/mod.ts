/** Evaluations on several machines, through a queue on a NATS server with JetStream. */
export { parseAddress, type ServerAddress } from "./address.ts";
export { type Chunk, chunkOf, chunksOf, defaultChunk } from "./chunks.ts";
export { type ConnectionFiles, connectTo, QueueError } from "./connection.ts";
export { ONE_RUN, SERVE_OPTIONS } from "./options.ts";
export { serveEvaluation, type Serving, workForEvaluation, type Working } from "./command.ts";
export { Queue, type Waiting } from "./queue.ts";
export { checkOffer, type Input, makeOffer, planHash, type WorkerInputs, workOf } from "./offer.ts";
export { type Accepted, acceptResult, type Difference, type Expected } from "./accept.ts";
export { serve, type Served, type ServeOptions } from "./coordinator.ts";
export { type Bench, benchOf, TRIES, work, type Worked, type WorkerOptions } from "./worker.ts";
export {
  type ChunkMessage,
  type ChunkResult,
  decode,
  encode,
  type Kinds,
  type Notice,
  type Offer,
  type WireEntry,
  WireError,
  type WorkerState,
} from "./wire.ts";
export type { JetStreamManager, JsMsg } from "@nats-io/jetstream";
export type { NatsConnection } from "@nats-io/transport-node";
