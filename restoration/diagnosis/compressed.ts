/** Compression as JPEG: that of the file, or one that a picture had before. */
import { jpegQuality } from "../../operators/mod.ts";
import type { Damage, Finding } from "./finding.ts";
import { jpegTraces } from "./jpeg_traces.ts";

/** From this quality on nothing is seen of it. */
const UNSEEN = 85;

/** Qualities of the file's own tables that are within it of those that pixels tell are the same. */
const SAME = 2;

/** Traces of a compression. */
export const COMPRESSED: Damage = {
  name: "compressed",
  look({ picture, colour }): Finding | undefined {
    const own = picture.jpeg && Math.round(jpegQuality(picture.jpeg.tables[0]!));
    // Blocks of a file begin at its stored corner: of a picture that was turned they are looked for in vain.
    const traces = jpegTraces(colour);
    const isOwn = traces && own !== undefined && traces.offset.every((at) => at === 0) &&
      Math.abs(traces.quality - own) <= SAME;
    if (traces && !isOwn) return before(traces.quality, traces.offset, traces.confidence, own);
    if (own === undefined) return undefined;
    return {
      damage: "compressed",
      text: `the file is a JPEG of quality ${own}${own >= UNSEEN ? ", which leaves nothing that is seen" : ""}`,
      values: { quality: own },
      confidence: 1,
      ...(own < UNSEEN ? { remedy: { task: "jpeg", options: {} } } : {}),
    };
  },
};

/** A compression that the file does not tell of. */
function before(
  quality: number,
  [column, row]: readonly [number, number],
  confidence: number,
  own: number | undefined,
): Finding {
  const isAligned = column === 0 && row === 0;
  const twice = own === undefined ? "" : `, then again with ${own}`;
  const cut = isAligned ? "" : `, its blocks beginning at column ${column} and row ${row}: it was cut afterwards`;
  return {
    damage: "compressed",
    text: `the picture was compressed as JPEG with quality ${quality}${twice}${cut}`,
    values: { quality, column, row },
    confidence,
    ...(quality < UNSEEN && isAligned && own === undefined ? { remedy: { task: "jpeg", options: { quality } } } : {}),
  };
}
