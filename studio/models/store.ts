/** What the page asks of the worker that keeps models. All that crosses is plain data. */
import type { ModelFolder } from "../protocol.ts";
import type { ListedModel, OfferedModel } from "./listing.ts";

/** A file of a model. */
export interface KeptFile {
  /** Its name, with the folders below that of the model. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
}

/** A model that is kept, or of which a part has arrived. */
export interface KeptModel extends Pick<ListedModel, "name" | "about" | "licence" | "page" | "form"> {
  /** SHA-256 of the file, or what stands for it where the model is a folder; tells models apart. */
  readonly sha256: string;
  /** Bytes of all files. */
  readonly bytes: number;
  /** Bytes that are there. */
  readonly present: number;
  /** Whether all is there and has the hash. */
  readonly isComplete: boolean;
}

/** A model that was opened from files of the user. */
export interface BroughtModel {
  /** The file or folder. */
  readonly source: File | ModelFolder;
  /** Of `ModelFacts`. */
  readonly sha256: string;
}

/** What goes on: bytes arrive, or what has arrived is hashed. */
export type Phase = "fetch" | "check";

/** Told the bytes that are done. */
export type OnPhase = (phase: Phase, done: number) => void;

/** The worker that keeps models; its calls fail with a `StudioFailure`. */
export interface ModelStore {
  /** All that is there, whole or in part, by name. */
  kept(): Promise<readonly KeptModel[]>;
  /** Bytes that the browser would still take from this page, as far as it says. */
  free(): Promise<number>;
  /**
   * Fetches what is missing of a model and checks its hash; a file with another is removed. Calls for several models run
   * side by side.
   * @param list address of the list in which it stands
   */
  download(model: OfferedModel, list: string, onPhase?: OnPhase): Promise<void>;
  /** Stops fetching or copying; what was fetched stays, and the call fails as `stopped`. */
  pause(sha256: string): Promise<void>;
  /** Copies a model that was opened, so that it is there at the next visit. */
  keep(model: BroughtModel, onPhase?: OnPhase): Promise<void>;
  /** A kept model as files; nothing is read. */
  open(sha256: string): Promise<File | ModelFolder>;
  /** Removes a model or the part of it that is there. */
  remove(sha256: string): Promise<void>;
}
