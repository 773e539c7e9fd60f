/**
 * ONNX files from a list of nodes: the few messages of the format that a network needs, in protocol-buffer encoding.
 * Field numbers and enumerations are those of the ONNX specification (onnx.proto, IR version 8, operator set 17).
 */

const IR_VERSION = 8;
const OPERATOR_SET = 17;

/** Element types of tensors (TensorProto.DataType). */
const FLOAT = 1;
const INT64 = 7;

/** Kinds of attributes (AttributeProto.AttributeType). */
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** Wire types of protocol buffers. */
const VARINT = 0;
const DELIMITED = 2;
const FIXED_32 = 5;

/** Value of a node's attribute: `{ float }` for a number with a fraction, else a whole number, a list of them, a text. */
export type OnnxAttribute = number | readonly number[] | string | {
  readonly float: number;
};

/** A message under construction: pieces that are joined once, at the end. */
class Message {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;

  /** A whole number, -2^53 to 2^53. */
  integer(field: number, value: number): this {
    return this.#append(varint(field << 3 | VARINT)).#append(varint(value));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#append(varint(field << 3 | FIXED_32)).#append(bytes);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array<ArrayBuffer>): this {
    return this.#append(varint(field << 3 | DELIMITED)).#append(
      varint(value.length),
    ).#append(value);
  }

  message(field: number, value: Message): this {
    this.#append(varint(field << 3 | DELIMITED)).#append(varint(value.#length));
    for (const piece of value.#pieces) this.#append(piece);
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }

  #append(piece: Uint8Array<ArrayBuffer>): this {
    this.#pieces.push(piece);
    this.#length += piece.length;
    return this;
  }
}

/** Seven bits a byte, the lowest first; negative numbers as 64-bit two's complement. */
function varint(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return new Uint8Array(bytes);
}

/** A graph of nodes in the order in which they run; values are known by name. */
export class OnnxGraph {
  readonly #graph = new Message();
  readonly #name: string;
  #nodes = 0;

  /** @param name name of the graph, for messages of the engine that reads it */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Declares an f32 input.
   * @returns its name
   */
  input(name: string, shape: readonly number[]): string {
    this.#graph.message(11, valueInfo(name, shape));
    return name;
  }

  /**
   * Stores constant numbers: f32, or 64-bit integers for shapes and the like.
   * @returns its name
   */
  initializer(
    name: string,
    data: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>,
    shape: readonly number[],
  ): string {
    const tensor = new Message();
    for (const extent of shape) tensor.integer(1, extent);
    tensor.integer(2, data instanceof Float32Array ? FLOAT : INT64).text(
      8,
      name,
    );
    tensor.bytes(
      9,
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
    this.#graph.message(5, tensor);
    return name;
  }

  /**
   * Adds a node.
   * @param operator type of the operator, such as `Conv`
   * @param inputs names of its inputs; an empty name leaves an optional one out
   * @param attributes by name
   * @param outputs number of its results
   * @returns names of its results
   */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    outputs = 1,
  ): string[] {
    const name = `${operator}_${this.#nodes++}`;
    const results = Array.from(
      { length: outputs },
      (_, index) => `${name}.${index}`,
    );
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    for (const result of results) node.text(2, result);
    node.text(3, name).text(4, operator);
    for (const [key, value] of Object.entries(attributes)) {
      node.message(5, attribute(key, value));
    }
    this.#graph.message(1, node);
    return results;
  }

  /**
   * Ends the graph with its only result and returns the file. The graph must not be used afterwards.
   * @param value name of the value that is the result
   * @param shape its shape
   */
  finish(value: string, shape: readonly number[]): Uint8Array<ArrayBuffer> {
    this.#graph.text(2, this.#name).message(12, valueInfo(value, shape));
    const operators = new Message().text(1, "").integer(2, OPERATOR_SET);
    return new Message().integer(1, IR_VERSION).message(7, this.#graph).message(
      8,
      operators,
    ).finish();
  }
}

function valueInfo(name: string, shape: readonly number[]): Message {
  const extents = new Message();
  for (const extent of shape) {
    extents.message(1, new Message().integer(1, extent));
  }
  const tensor = new Message().integer(1, FLOAT).message(2, extents);
  return new Message().text(1, name).message(
    2,
    new Message().message(1, tensor),
  );
}

function attribute(name: string, value: OnnxAttribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === "number") {
    return message.integer(3, value).integer(20, ATTRIBUTE.int);
  }
  if (typeof value === "string") {
    return message.text(4, value).integer(20, ATTRIBUTE.string);
  }
  if ("float" in value) {
    return message.float(2, value.float).integer(20, ATTRIBUTE.float);
  }
  for (const each of value) message.integer(8, each);
  return message.integer(20, ATTRIBUTE.ints);
}
