/** Why a decoder refuses its bytes; the caller adds the file name. */
export class DecodeError extends Error {
  /** Name of the class. */
  override name = "DecodeError";
}
