/** The draws of DDRM's published program: three for each step, in the basis of its decomposition. */
import { imagesOf, publishedBasis } from "./published_basis.ts";
import type { ReferenceFile, StoredTensor } from "../reference_file.ts";
import { imageShapeOf, type RecordedDraw } from "./method.ts";

/** The draws of a run of some steps at most, as images; those of a step may be missing. */
export function ddrmDraws(file: ReferenceFile, steps: number): readonly RecordedDraw[] {
  const imageShape = imageShapeOf(file, ["gt", "x_init"]);
  const image = async (drawn: Promise<StoredTensor>): Promise<StoredTensor> =>
    imagesOf(await publishedBasis(file, file.metadata.text("operator"), imageShape), await drawn, imageShape);
  const draws = Array.from({ length: steps }, (_, k): RecordedDraw => ({
    name: String(k),
    isOptional: true,
    read: () => file.has(`noise.C.${k}`) ? image(joinedDraw(file, String(k))) : undefined,
  }));
  const start = (): Promise<StoredTensor> | undefined =>
    file.has("noise.xT") ? image(file.read("noise.xT")) : undefined;
  return [...draws, { name: "xT", isOptional: false, read: start }];
}

/**
 * The three draws of a step as one: B where the measurement is better than the state (s sigma_next > sigma_0), A, in
 * ascending order, where it is worse, and C elsewhere. Each coefficient uses one of them.
 */
async function joinedDraw(file: ReferenceFile, step: string): Promise<StoredTensor> {
  const { data, shape } = await file.read(`noise.C.${step}`);
  const below = file.has(`noise.A.${step}`) ? (await file.read(`noise.A.${step}`)).data : new Float32Array(0);
  const known = (await file.read(`noise.B.${step}`)).data;
  const [batch, size] = shape as [number, number];
  const [belowSize, knownSize] = [below.length / batch, known.length / batch];
  const joined = data.slice();
  for (let n = 0; n < batch; n++) {
    const worse = below.subarray(n * belowSize, (n + 1) * belowSize);
    const better = known.subarray(n * knownSize, (n + 1) * knownSize);
    // Singular values fall, so the coefficients with A follow those with B.
    const first = knownSize - belowSize;
    joined.set(better.subarray(0, first), n * size);
    joined.set(worse, n * size + first);
  }
  return { data: joined, shape };
}
