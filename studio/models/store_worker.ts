/** The worker that keeps models: fetching, hashing and writing go on while the engine computes. */
import { expose } from "comlink";
import { OpfsStore } from "./opfs_store.ts";

expose(new OpfsStore());
