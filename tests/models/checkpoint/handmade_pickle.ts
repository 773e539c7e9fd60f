/** Pickles put together opcode by opcode; every function returns the bytes that leave one value on the stack. */
export type Code = readonly number[];

export const NONE: Code = [0x4e];
export const MARK = 0x28;
export const REDUCE = 0x52;
export const STOP = 0x2e;
export const EMPTY_LIST: Code = [0x5d];
export const EMPTY_DICT: Code = [0x7d];
export const EMPTY_TUPLE: Code = [0x29];

/** A whole pickle of protocol 2. */
export function pickle(...code: readonly Code[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([0x80, 2, ...code.flat(), STOP]);
}

export function u32(value: number): Code {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
}

export function ascii(text: string): Code {
  return Array.from(text, (character) => character.charCodeAt(0));
}

export function text(value: string): Code {
  const bytes = [...new TextEncoder().encode(value)];
  return [0x58, ...u32(bytes.length), ...bytes];
}

/** BININT, or LONG1 for what does not fit. */
export function int(value: number | bigint): Code {
  if (typeof value === "number" && value === (value | 0)) return [0x4a, ...u32(value)];
  const bytes: number[] = [];
  for (let rest = BigInt(value), i = 0; i < 20; i++, rest >>= 8n) bytes.push(Number(rest & 0xffn));
  return [0x8a, bytes.length, ...bytes];
}

export function tuple(...items: readonly Code[]): Code {
  return [MARK, ...items.flat(), 0x74];
}

export function list(...items: readonly Code[]): Code {
  return [...EMPTY_LIST, MARK, ...items.flat(), 0x65];
}

export function dict(items: Readonly<Record<string, Code>>): Code {
  return [...EMPTY_DICT, MARK, ...Object.entries(items).flatMap(([key, value]) => [...text(key), ...value]), 0x75];
}

export function global(module: string, name: string): Code {
  return [0x63, ...ascii(`${module}\n${name}\n`)];
}

export function call(module: string, name: string, ...args: readonly Code[]): Code {
  return [...global(module, name), ...tuple(...args), REDUCE];
}

/** A persistent id. */
export function persistent(id: Code): Code {
  return [...id, 0x51];
}

/** A storage as the newer container refers to it; in the older one there is a sixth item. */
export function storage(type: string, key: string, length: number | bigint, ...more: readonly Code[]): Code {
  return persistent(tuple(text("storage"), global("torch", type), text(key), text("cpu"), int(length), ...more));
}

/** `_rebuild_tensor_v2` with all its arguments. */
export function tensor(
  from: Code,
  { offset = 0, shape, stride }: {
    offset?: number | bigint;
    shape: readonly (number | bigint)[];
    stride: readonly (number | bigint)[];
  },
): Code {
  const sizes = [shape, stride].map((values) => tuple(...values.map(int)));
  return call(
    "torch._utils",
    "_rebuild_tensor_v2",
    from,
    int(offset),
    ...sizes,
    [0x89],
    call("collections", "OrderedDict"),
  );
}
