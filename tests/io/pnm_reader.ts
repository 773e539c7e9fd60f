/** Samples of a binary PGM (P5) or PPM (P6) file of 8 bits, as the reference programs write them. */
export async function readPnm(path: URL): Promise<{ width: number; height: number; samples: Uint8Array }> {
  const bytes = await Deno.readFile(path);
  const header = /^P[56]\s+(\d+)\s+(\d+)\s+255\s/.exec(new TextDecoder("latin1").decode(bytes.subarray(0, 40)));
  if (!header) throw new Error(`Cannot read "${path}": it is not a PGM or PPM file of 8 bits`);
  return { width: Number(header[1]), height: Number(header[2]), samples: bytes.subarray(header[0].length) };
}

/** A file beside this one in `fixtures`. */
export function fixture(name: string): URL {
  return new URL(`./fixtures/${name}`, import.meta.url);
}
