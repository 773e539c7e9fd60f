import { bytesByteSource, type ByteSource } from "../../../models/checkpoint/byte_source.ts";

/** A file put together by hand: length, header exactly as given, data. The length can be made to lie. */
export function handmadeFile(
  header: string | Uint8Array,
  data: Uint8Array | number = 0,
  announced?: bigint,
): Uint8Array<ArrayBuffer> {
  const head = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const body = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + head.length + body.length);
  new DataView(file.buffer).setBigUint64(0, announced ?? BigInt(head.length), true);
  file.set(head, 8);
  file.set(body, 8 + head.length);
  return file;
}

/** A handmade file as a source named `test.safetensors`. */
export function handmadeSource(
  header: string | Uint8Array,
  data: Uint8Array | number = 0,
  announced?: bigint,
): ByteSource {
  return bytesByteSource(handmadeFile(header, data, announced), "test.safetensors");
}

/** A source that keeps a list of [offset, length] of what was read from it. */
export function countingSource(source: ByteSource): ByteSource & { readonly reads: [number, number][] } {
  const reads: [number, number][] = [];
  return {
    name: source.name,
    size: source.size,
    reads,
    read(offset: number, length: number): Promise<Uint8Array> {
      reads.push([offset, length]);
      return source.read(offset, length);
    },
  };
}
