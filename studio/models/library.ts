/// <reference lib="dom" />
/** What the page knows of models that are listed, offered and kept, and what can be done with them. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ModelFacts, ModelFolder, StudioFailure } from "../protocol.ts";
import { isOffered, type ListedModel, type OfferedModel } from "./listing.ts";
import type { BroughtModel, KeptModel, ModelStore, OnPhase, Phase } from "./store.ts";

/** A model as the page shows it: what is listed of it, and what is there. */
export interface LibraryModel {
  /** Tells it from the others. */
  readonly key: string;
  /** What is listed, or what was written when it was kept. */
  readonly listed: ListedModel;
  /** What is there of it; absent where nothing is. */
  readonly kept?: KeptModel;
}

/** Room for models. */
export interface Room {
  /** Bytes that all that is kept takes, whole or in part. */
  readonly used: number;
  /** Bytes that the browser would still take from this page. */
  readonly free: number;
}

/** Something that goes on with a model. */
export interface Work {
  /** What. */
  readonly phase: Phase;
  /** Bytes that are done, of how many. */
  readonly done: number;
  readonly total: number;
}

/** What the browser says of storage; undefined where it has none for this page. */
export type Storage = Pick<StorageManager, "persist" | "persisted"> | undefined;

/** Models of the page. */
export class ModelLibrary {
  /** What the host of the page lists. */
  readonly listed: Signal<readonly ListedModel[]> = signal([]);
  /** What is kept, whole or in part. */
  readonly kept: Signal<readonly KeptModel[]> = signal([]);
  /** Room for models; null until it is known, or where nothing can be kept. */
  readonly room: Signal<Room | null> = signal(null);
  /** Whether the browser promised to keep models until they are removed; null where it cannot be asked. */
  readonly isPersistent: Signal<boolean | null> = signal(null);
  /** What goes on, by hash of the model. */
  readonly works: Signal<ReadonlyMap<string, Work>> = signal(new Map());
  /** What went wrong last, as a sentence; null if nothing did. */
  readonly trouble: Signal<string | null> = signal(null);
  /** What a screen reader is told. */
  readonly said: Signal<string> = signal("");
  /** Those that can be used, or fetched here: the embedded one first, then those that are kept or offered. */
  readonly here: ReadonlySignal<readonly LibraryModel[]> = computed(() => {
    const kept = new Map(this.kept.value.map((model) => [model.sha256, model]));
    const listed = this.listed.value.filter((model) =>
      model.isEmbedded || isOffered(model) || kept.has(model.sha256 ?? "")
    );
    const known = new Set(listed.map(({ sha256 }) => sha256));
    const others = this.kept.value.filter(({ sha256 }) => !known.has(sha256));
    return [
      ...listed.map((model) => withKept(model, kept.get(model.sha256 ?? ""))),
      ...others.map((model) => withKept(model, model)),
    ];
  });
  /** Those that are published elsewhere. */
  readonly elsewhere: ReadonlySignal<readonly ListedModel[]> = computed(() => {
    const here = new Set(this.here.value.map(({ listed }) => listed));
    return this.listed.value.filter((model) => !here.has(model));
  });

  readonly #store: () => ModelStore;
  readonly #list: () => Promise<readonly ListedModel[]>;
  readonly #address: string;
  readonly #storage: Storage;

  /**
   * @param store what keeps models, made when it is first needed
   * @param list reads what the host lists
   * @param address of the list
   * @param storage of the browser
   */
  constructor(
    store: () => ModelStore,
    { list, address, storage }: {
      readonly list: () => Promise<readonly ListedModel[]>;
      readonly address: string;
      readonly storage: Storage;
    },
  ) {
    let made: ModelStore | undefined;
    this.#store = () => made ??= store();
    this.#list = list;
    this.#address = address;
    this.#storage = storage;
  }

  /** Asks what is listed and what is kept. */
  async refresh(): Promise<void> {
    await this.#attempt(async () => {
      if (this.listed.value.length === 0) this.listed.value = await this.#list();
    });
    await this.#look();
  }

  /** Fetches a model, or goes on with it. */
  async download(model: OfferedModel): Promise<void> {
    await this.#write(model, (onPhase) => this.#store().download(model, this.#address, onPhase));
  }

  /** Stops what goes on with a model; what was fetched stays. */
  async pause(sha256: string): Promise<void> {
    await this.#attempt(() => this.#store().pause(sha256));
  }

  /** Copies the model that is open, so that it is there at the next visit. */
  async keep({ sha256, paths }: ModelFacts, source: File | ModelFolder): Promise<void> {
    const used = source instanceof File ? source : partOf(source, paths);
    const bytes = used instanceof File ? used.size : used.files.reduce((sum, { file }) => sum + file.size, 0);
    const model: BroughtModel = { source: used, sha256 };
    await this.#write({ name: source.name, sha256, bytes }, (onPhase) => this.#store().keep(model, onPhase));
  }

  /** A kept model as files; undefined where that failed, which is told. */
  async open(sha256: string): Promise<File | ModelFolder | undefined> {
    return await this.#attempt(() => this.#store().open(sha256));
  }

  /** Removes a model. */
  async remove({ sha256, name }: KeptModel): Promise<void> {
    await this.#attempt(async () => {
      await this.#store().remove(sha256);
      this.said.value = `${name} is removed.`;
    });
    await this.#look();
  }

  /** Writes a model, and tells how far it is. */
  async #write(
    { name, sha256, bytes: total }: Pick<OfferedModel, "name" | "sha256" | "bytes">,
    write: (onPhase: OnPhase) => Promise<void>,
  ): Promise<void> {
    if (this.works.value.has(sha256)) return;
    const tell = (work: Work | null): void => {
      const works = new Map(this.works.value);
      if (work) works.set(sha256, work);
      else works.delete(sha256);
      this.works.value = works;
    };
    tell({ phase: "fetch", done: 0, total });
    await this.#storage?.persist().catch(() => false);
    let isOver = false;
    await this.#attempt(async () => {
      await write((phase, done) => {
        // What is told crosses by itself, and may come behind the end.
        if (!isOver) tell({ phase, done, total });
      });
      this.said.value = `${name} is kept.`;
    });
    isOver = true;
    await this.#look();
    tell(null);
  }

  async #look(): Promise<void> {
    await this.#attempt(async () => {
      const [kept, free] = await Promise.all([this.#store().kept(), this.#store().free()]);
      const isPersistent = await this.#storage?.persisted().catch(() => null) ?? null;
      batch(() => {
        this.kept.value = kept;
        this.room.value = { used: kept.reduce((sum, { present }) => sum + present, 0), free };
        this.isPersistent.value = isPersistent;
      });
    }, this.trouble.value);
  }

  /** Does something, and tells if it went wrong. */
  async #attempt<T>(action: () => Promise<T>, before: string | null = null): Promise<T | undefined> {
    this.trouble.value = before;
    try {
      return await action();
    } catch (error) {
      const { kind, message } = error as StudioFailure;
      if (kind === "stopped") this.said.value = "Stopped.";
      else this.trouble.value = message;
      return undefined;
    }
  }
}

/** What is listed of a model with what is kept of it. */
function withKept(listed: ListedModel, kept: KeptModel | undefined): LibraryModel {
  return { key: listed.sha256 ?? listed.name, listed, ...kept ? { kept } : {} };
}

/** Those files of a folder of which a network was read. */
function partOf({ name, files }: ModelFolder, paths: readonly string[] = []): ModelFolder {
  return { name, files: files.filter(({ path }) => paths.includes(path)) };
}
