import { assert, assertRejects } from "@std/assert";
import { publishedOperator } from "../../conformance/published_operator.ts";
import { ReferenceFile, Settings } from "../../conformance/reference_file.ts";
import { NotSupportedError } from "../../conformance/row.ts";
import { turnedOperator } from "../../conformance/trajectories/turned_operator.ts";
import { constant, hostTensor, ReferenceRuntime, type Tensors } from "../../engine/mod.ts";
import { add, mul } from "../../kernels/mod.ts";
import { safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { type Folder, withFolder } from "../cli/run_command.ts";
import { goldenPath, openFile } from "./reference_files.ts";

const [N, C] = [32, 3];
const STEP = { sigma: 0.3, noisy: 0.08, eta: 0.85 };
type Numbers = ArrayLike<number>;

/** Weights of the published rule: lambda, d1 and d2 of a singular value. */
function weightsOf(s: number): { lambda: number; fresh: number; kept: number } {
  const { sigma, noisy, eta } = STEP;
  const rest = sigma * Math.sqrt(1 - eta * eta);
  if (s === 0) return { lambda: 1, fresh: sigma * eta, kept: rest };
  if (sigma < noisy / s) return { lambda: s * rest / noisy, fresh: sigma * eta, kept: 0 };
  return { lambda: 1, fresh: Math.sqrt(sigma ** 2 - (noisy / s) ** 2), kept: 0 };
}

/** L X R of a matrix [n, n] for one channel of an image [N, N, C]; the factors may be read transposed. */
function sandwich(left: Numbers, x: Numbers, right: Numbers, isTransposed: boolean): Float64Array {
  const at = (m: Numbers, i: number, j: number): number => isTransposed ? m[j * N + i]! : m[i * N + j]!;
  const [half, out] = [new Float64Array(N * N * C), new Float64Array(N * N * C)];
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < N; j++) {
      for (let c = 0; c < C; c++) {
        for (let k = 0; k < N; k++) half[(i * N + j) * C + c]! += at(left, i, k) * x[(k * N + j) * C + c]!;
      }
    }
  }
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < N; j++) {
      for (let c = 0; c < C; c++) {
        for (let k = 0; k < N; k++) out[(i * N + j) * C + c]! += half[(i * N + k) * C + c]! * at(right, j, k);
      }
    }
  }
  return out;
}

/** V Lambda V^T A^+ r and V (d1 z + d2 eps). */
interface Expected {
  readonly correction: Float64Array;
  readonly noise: Float64Array;
}

interface Factor {
  readonly u: Numbers;
  readonly raw: Numbers;
  readonly v: Numbers;
}

/** The blur's rule in the words of the published program: vectors sorted by singular value, which A^+ tiles. */
function blurRule([a, b]: readonly [Factor, Factor], perm: Numbers, r: Numbers, z: Numbers, eps: Numbers): Expected {
  const product = (cut: number) => (place: number): number => {
    const [s, t] = [a.raw[Math.floor(place / N)]!, b.raw[place % N]!];
    return s < cut || t < cut ? 0 : s * t;
  };
  const sorted = Array.from(perm, product(0.03));
  const unsorted = Array.from(perm, product(0));
  const turned = sandwich(a.u, r, b.u, true);
  const inverse = new Float64Array(turned.length);
  Array.from(perm).forEach((place, p) => {
    for (let c = 0; c < C; c++) {
      const s = sorted[(p * C + c) % (N * N)]!;
      inverse[place * C + c] = s === 0 ? 0 : turned[place * C + c]! / s;
    }
  });
  const [lambda, noise] = [new Float64Array(inverse.length), new Float64Array(inverse.length)];
  const rotated = sandwich(a.v, sandwich(a.v, inverse, b.v, false), b.v, true);
  Array.from(perm).forEach((place, p) => {
    const weights = weightsOf(unsorted[p]!);
    for (let i = place * C; i < place * C + C; i++) {
      lambda[i] = weights.lambda * rotated[i]!;
      noise[i] = weights.fresh * z[i]! + weights.kept * eps[i]!;
    }
  });
  return { correction: sandwich(a.v, lambda, b.v, false), noise: sandwich(a.v, noise, b.v, false) };
}

/** The rule of block means: every block is a vector of its pixels. */
function blockRule(
  { v, s, sign }: { v: Numbers; s: number; sign: number },
  r: Numbers,
  z: Numbers,
  eps: Numbers,
): Expected {
  const side = 4;
  const size = side * side;
  const [correction, noise] = [new Float64Array(N * N * C), new Float64Array(N * N * C)];
  const null_ = weightsOf(0);
  const first = weightsOf(s);
  for (let block = 0; block < (N / side) ** 2; block++) {
    const [top, left] = [Math.floor(block / (N / side)) * side, (block % (N / side)) * side];
    for (let c = 0; c < C; c++) {
      const places = Array.from(
        { length: size },
        (_, k) => ((top + Math.floor(k / side)) * N + left + k % side) * C + c,
      );
      places.forEach((place, row) => {
        correction[place] = v[row * size]! * first.lambda * sign * r[block * C + c]! / s;
        places.forEach((other, k) => {
          const { fresh, kept } = k === 0 ? first : null_;
          noise[place]! += v[row * size + k]! * (fresh * z[other]! + kept * eps[other]!);
        });
      });
    }
  }
  return { correction, noise };
}

async function compare(
  operator: LinearOperator,
  data: Record<"r" | "z" | "eps", Float32Array>,
  expected: Expected,
): Promise<void> {
  const form = operator.spectral!();
  const { shape } = form.singularValues;
  const weigh = (weight: (s: number) => number) =>
    constant(hostTensor(Float32Array.from(form.singularValues.data, weight), shape));
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("rule", ({ r, z, eps }: Tensors<"r" | "z" | "eps">) => ({
    correction: form.fromSpectrum(mul(form.fromMeasurement(r), weigh((s) => s === 0 ? 0 : weightsOf(s).lambda / s))),
    noise: form.fromSpectrum(
      add(mul(form.toSpectrum(z), weigh((s) => weightsOf(s).fresh)), mul(eps, weigh((s) => weightsOf(s).kept))),
    ),
  }));
  const result = await stage({
    r: runtime.upload(data.r, [1, ...operator.measurementShape]),
    z: runtime.upload(data.z, [1, N, N, C]),
    eps: runtime.upload(data.eps, [1, N, N, C]),
  }, {});
  assert(relativeError(await result.correction.read(), expected.correction) < 1e-4);
  assert(relativeError(await result.noise.read(), expected.noise) < 1e-5);
}

/** A file with the factors `svd.*`, opened. */
async function fileOf(
  folder: Folder,
  tensors: Readonly<Record<string, { data: Numbers; shape: readonly number[] }>>,
): Promise<ReferenceFile> {
  const list = Object.entries(tensors).map(([name, { data, shape }]): TensorToWrite => ({
    name: `svd.${name}`,
    dtype: "F32",
    shape,
    data: Float32Array.from(data),
  }));
  const bytes = await safetensorsBytes({ tensors: list, metadata: new Map([["kind", "trajectory"]]) });
  return await ReferenceFile.open(folder.write("t.safetensors", bytes), openFile);
}

const random = (count: number, seed: number): Float32Array => randomValues(count, seed);

for (
  const [name, others] of [["deblur_gauss", ["deblur_gauss"]], ["deblur_aniso", [
    "deblur_gauss",
    "deblur_uni",
  ]]] as const
) {
  Deno.test(`${name}: DDNM+ turns noise, eps and correction as the published program does`, () =>
    withFolder(async (folder) => {
      using golden = await ReferenceFile.open(goldenPath("operators-32"), openFile);
      const read = async (part: string): Promise<{ data: Float32Array; shape: readonly number[] }> =>
        await golden.read(part);
      const tensors: Record<string, { data: Numbers; shape: readonly number[] }> = {};
      const factors: Factor[] = [];
      for (const [i, other] of others.entries()) {
        const ending = others.length === 1 ? "" : String(i + 1);
        const [u, s, raw, v, kernel] = [
          await read(`${other}.U`),
          await read(`${other}.s`),
          await read(`${other}.s_raw`),
          await read(`${other}.V`),
          await read(`${other}.kernel`),
        ];
        Object.assign(tensors, {
          [`U${ending}`]: u,
          [`s${ending}`]: s,
          [`s${ending}_raw`]: raw,
          [`V${ending}`]: v,
          [`kernel${ending}`]: kernel,
        });
        factors.push({ u: u.data, raw: raw.data, v: v.data });
      }
      const [a, b] = [factors[0]!, factors.at(-1)!];
      const products = Array.from({ length: N * N }, (_, i) => a.raw[Math.floor(i / N)]! * b.raw[i % N]!);
      const cut = products.map((value, i) => a.raw[Math.floor(i / N)]! < 0.03 || b.raw[i % N]! < 0.03 ? 0 : value);
      const perm = Array.from(cut.keys()).sort((i, j) => cut[j]! - cut[i]! || i - j);
      using file = await fileOf(folder, { ...tensors, perm: { data: perm, shape: [N * N] } });
      const { operator } = await publishedOperator(file, {
        name,
        imageShape: [N, N, C],
        measurementShape: [1, N * N * C],
        settings: new Settings("the settings", {}),
        prefixes: ["svd."],
      });
      const data = { r: random(N * N * C, 1), z: random(N * N * C, 2), eps: random(N * N * C, 3) };
      await compare(await turnedOperator(file, operator), data, blurRule([a, b], perm, data.r, data.z, data.eps));
    }));
}

Deno.test("block super-resolution: DDNM+ turns noise, eps and correction as the published program does", () =>
  withFolder(async (folder) => {
    using golden = await ReferenceFile.open(goldenPath("operators-32"), openFile);
    const [U, s, V] = [
      await golden.read("sr_block_x4.U"),
      await golden.read("sr_block_x4.s"),
      await golden.read("sr_block_x4.V"),
    ];
    using file = await fileOf(folder, { U, s, V });
    const operator = await turnedOperator(file, createOperator("sr_average", [N, N, C], { scale: 4 }));
    const data = { r: random(64 * C, 1), z: random(N * N * C, 2), eps: random(N * N * C, 3) };
    const factors = { v: V.data, s: s.data[0]!, sign: U.data[0]! };
    await compare(operator, data, blockRule(factors, data.r, data.z, data.eps));
    const other = createOperator("sr_bicubic", [N, N, C], { scale: 4 });
    await assertRejects(() => turnedOperator(file, other), NotSupportedError, "has no DDNM+ with noise");
  }));
