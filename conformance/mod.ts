/** Recorded runs of other implementations against the engine: what a file holds, computed here and compared. */
export { verifyFile } from "./verify_file.ts";
export { verifyOperations } from "./operations.ts";
export { verifyAgainst } from "./against.ts";
export type { FileOpener, OpenFile } from "./reference_file.ts";
export type { Finding, Row, Status } from "./row.ts";
