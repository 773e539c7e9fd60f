import { type ByteSource, PIECE_BYTES, readExactly, readInto } from "./byte_source.ts";
import { CheckpointFile } from "./checkpoint_file.ts";
import { quoteName } from "./checkpoint_error.ts";
import { FORMAT_BYTES } from "./foreign_format.ts";
import { parseHeader, parseHeaderLength, type SafetensorsHeader, type TensorEntry } from "./safetensors_header.ts";

/**
 * Opens a safetensors file: reads and checks the header, no tensor.
 * @param source the file
 * @returns the open file
 * @throws {CheckpointError} if the file violates the format, naming the tensor or the byte
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const start = await readExactly(source, 0, Math.min(FORMAT_BYTES, source.size), "the header length");
  const headerLength = parseHeaderLength(start, source.size, source.name);
  const bytes = await readExactly(source, 8, headerLength, "the header");
  const dataStart = 8 + headerLength;
  return new SafetensorsFile(source, parseHeader(bytes, source.size - dataStart, source.name), dataStart);
}

/** An open safetensors file. Tensors are read when asked for, so that memory holds the result and one piece of 4 MiB. */
export class SafetensorsFile extends CheckpointFile<TensorEntry> {
  /** The container. */
  readonly format = "safetensors";
  /** The tensors are the whole file. */
  readonly stateDict = "";
  /** The `__metadata__` of the file. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly #source: ByteSource;
  readonly #dataStart: number;

  /**
   * Use `openSafetensors`, which reads and checks the header.
   * @param source the file
   * @param header its checked header
   * @param dataStart position of the first data byte in the file
   */
  constructor(source: ByteSource, header: SafetensorsHeader, dataStart: number) {
    super(source.name, header.tensors);
    this.metadata = header.metadata;
    this.#source = source;
    this.#dataStart = dataStart;
  }

  /** The bytes of a tensor in pieces, as the file has them. */
  protected override async *piecesOf({ name, begin, end }: TensorEntry): AsyncGenerator<Uint8Array, void> {
    const what = `tensor ${quoteName(name)}`;
    for (let at = begin; at < end; at += PIECE_BYTES) {
      yield await readExactly(this.#source, this.#dataStart + at, Math.min(PIECE_BYTES, end - at), what);
    }
  }

  /** Reads a tensor into memory, as the file has it. */
  protected override async fill({ name, begin }: TensorEntry, into: Uint8Array): Promise<void> {
    await readInto(this.#source, this.#dataStart + begin, into, `tensor ${quoteName(name)}`);
  }
}
