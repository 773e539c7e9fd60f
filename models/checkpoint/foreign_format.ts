/** What files are that people take for checkpoints. */
import { quoteName } from "./checkpoint_error.ts";

/** Bytes at the beginning of a file that tell what it is. */
export const FORMAT_BYTES = 512;

/** Formats by the bytes that their files begin with. */
const BEGINNINGS: readonly (readonly [bytes: string, format: string])[] = [
  ["PK\x03\x04", "a zip archive, such as a PyTorch checkpoint"],
  ["\x89PNG", "a PNG image"],
  ["\xff\xd8\xff", "a JPEG image"],
  ["GGUF", "a GGUF model"],
  ["version https://", "a Git LFS pointer instead of the file it stands for"],
  ["\x1f\x8b", "a gzip archive, which must be unpacked"],
  ["\xfd7zXZ", "an xz archive, which must be unpacked"],
  ["BZh", "a bzip2 archive, which must be unpacked"],
  ["\x28\xb5\x2f\xfd", "a Zstandard archive, which must be unpacked"],
  ["7z\xbc\xaf\x27\x1c", "a 7-Zip archive, which must be unpacked"],
  ["Rar!", "a RAR archive, which must be unpacked"],
  ["\x89HDF", "an HDF5 file, such as weights of Keras; those of a PyTorch network are needed"],
  ["\x93NUMPY", "an array of NumPy"],
  ["<?xml", "an XML document, such as a server answers instead of a file"],
  ["<Error", "an XML document, such as a server answers instead of a file"],
];

/** Where a tar archive says that it is one. */
const TAR_AT = 257;

/**
 * What a file is, judged by its first bytes.
 * @param start the first bytes, `FORMAT_BYTES` where there are as many
 * @returns undefined if they tell nothing
 */
export function foreignFormat(start: Uint8Array): string | undefined {
  const text = Array.from(start, (byte) => String.fromCharCode(byte)).join("");
  if (start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5) return "a pickle, such as an old PyTorch checkpoint";
  const known = BEGINNINGS.find(([bytes]) => text.startsWith(bytes));
  if (known !== undefined) return known[1];
  if (/^\s*(<!--[^]*?-->\s*)?<(!doctype|html)/i.test(text)) return "a web page";
  if (text.startsWith("ustar", TAR_AT)) return "a tar archive, which must be unpacked";
  const line = text.trim().split(/[\r\n]/)[0]!;
  return line.length > 0 && /^[\t\r\n\x20-\x7e]+$/.test(text) ? `a text: ${quoteName(line.slice(0, 60))}` : undefined;
}

/**
 * Whether a file begins like JSON rather than like a checkpoint: with a brace or a bracket, and text after it.
 * @param start the first bytes
 */
export function looksLikeJson(start: Uint8Array): boolean {
  const [first, second] = start.subarray(0, 3).every((byte, i) => byte === [0xef, 0xbb, 0xbf][i])
    ? start.subarray(3).filter((byte) => !isSpace(byte))
    : start.filter((byte) => !isSpace(byte));
  return (first === 0x7b || first === 0x5b) && second !== undefined && second >= 0x20;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/**
 * What a JSON file is that was named as a checkpoint, and what to do.
 * @param json its value
 */
export function describeJson(json: unknown): string {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return "it is a JSON file and holds no weights";
  const { _class_name: name, error } = json as Readonly<Record<string, unknown>>;
  if (typeof name === "string" && /Pipeline$/.test(name)) {
    return `it says what the pipeline ${quoteName(name)} of diffusers is made of and holds no weights; name its folder`;
  }
  if (typeof name === "string" && /Scheduler/.test(name)) {
    return `it is the configuration of the sampler ${
      quoteName(name)
    } of diffusers and holds no weights; name the weights`;
  }
  if (typeof name === "string") {
    return `it is the configuration of the network ${
      quoteName(name)
    } of diffusers and holds no weights; name them, such ` +
      "as diffusion_pytorch_model.safetensors beside it";
  }
  if (typeof error === "string") return `it is what a server answered instead of the file: ${quoteName(error)}`;
  const keys = Object.keys(json).slice(0, 4).map(quoteName).join(", ");
  return `it is a JSON file (${keys === "" ? "empty" : `with ${keys}`}) and holds no weights; name the file of weights`;
}
