/** What kernels that are found with the network are worth, beside estimated and true ones. */
import { type HostTensor, hostTensor, WebGpuRuntime } from "../../engine/mod.ts";
import { openModel } from "../../io/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import { colourRaster, crop, type Raster } from "../../raster/mod.ts";
import { findKernel, kernelRunOptions, PictureQuestion, restorePart, richestPart } from "../../restoration/mod.ts";
import { damaged, gaussian, generator, type Kind, type Truth } from "./damages.ts";

/** The blurs. */
const KINDS: readonly Kind[] = ["gaussian", "disc", "motion"];

/** Side of the part that is restored, in pixels. */
const PART = 64;

/** What became of a picture: PSNR in dB, and |k - k0| / |k0| of the kernels, k0 the true one. */
interface Qualities {
  readonly damaged: number;
  /** By --blur estimate; as it is where that is refused. */
  readonly estimated: number;
  readonly blind: number;
  readonly known: number;
  readonly firstError: number;
  readonly blindError: number;
  /** Whether the first guess was kept. */
  readonly isFirst: boolean;
  /** Whether the estimate was refused. */
  readonly isRefused: boolean;
}

/**
 * Blurs parts of photographs and restores them by estimates, by kernels that are found, and by the true ones.
 * @returns a table in Markdown
 */
export async function measureBlind(
  { photographs, side, seed, folder, count, open }: {
    readonly photographs: readonly string[];
    readonly side: number;
    readonly seed: number;
    readonly folder: string;
    readonly count: number;
    readonly open: (path: string) => Promise<Raster>;
  },
): Promise<string> {
  const random = generator(seed);
  const runtime = await WebGpuRuntime.open();
  const rows = new Map<Kind, Qualities[]>();
  try {
    const model = await openModel(runtime);
    for (let k = 0; k < count; k++) {
      const kind = KINDS[k % KINDS.length]!;
      const photograph = await open(photographs[k % photographs.length]!);
      const { picture, clean, expected, truth } = await damaged(photograph, kind, { side, folder, random });
      const kernel = truth!.files?.["psf"] ?? gaussian(expected[0]!.value[1]);
      const colour = colourRaster(picture);
      const part = richestPart(colour, PART);
      const before = crop(clean!, part);
      const qualityOf = (raster: Raster): number => psnr(raster.data, before.data, { shape: [PART, PART, 3] });
      const setting = { name: "picture", options: {}, seed: k };
      const restored = async (run: Truth): Promise<number> =>
        qualityOf((await restorePart(runtime, model, { picture, run, part }, setting)).raster);
      const by = (psf: HostTensor): Promise<number> => {
        const { task: _, kernel: __, ...options } = kernelRunOptions({}, "", 0);
        return restored({ task: "deblur-kernel", options, files: { psf } });
      };
      const asIs = qualityOf(crop(colour, part));
      const found = await findKernel(runtime, model, colour, { sigma: 0, seed: k });
      const estimated = await restored({ task: "deblur", options: { blur: "estimate" } }).catch((error) => {
        if (error instanceof PictureQuestion) return undefined;
        throw error;
      });
      const qualities: Qualities = {
        damaged: asIs,
        estimated: estimated ?? asIs,
        blind: found.isFirst && found.isSure && estimated !== undefined ? estimated : await by(found.kernel),
        known: await by(kernel),
        firstError: errorOf(found.first, kernel),
        blindError: errorOf(found.kernel, kernel),
        isFirst: found.isFirst,
        isRefused: estimated === undefined,
      };
      rows.set(kind, [...rows.get(kind) ?? [], qualities]);
      // deno-lint-ignore no-console -- how the work goes on
      console.error(`${k + 1} of ${count}, ${kind}: ${JSON.stringify(qualities)}`);
    }
  } finally {
    runtime.destroy();
  }
  return tableOf(rows);
}

/** |k - k0| / |k0|, both around their middles. */
function errorOf(kernel: HostTensor, truth: HostTensor): number {
  const [a, b] = [kernel, truth].map((one) => padded(one, Math.max(kernel.shape[0]!, truth.shape[0]!))) as [
    HostTensor,
    HostTensor,
  ];
  const square = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value ** 2, 0);
  return Math.sqrt(square(Array.from(a.data, (tap, i) => tap - b.data[i]!)) / square(b.data));
}

function padded({ data, shape: [from = 1] }: HostTensor, to: number): HostTensor {
  const offset = (to - from) / 2;
  const taps = new Float32Array(to * to);
  for (let i = 0; i < from * from; i++) taps[(Math.floor(i / from) + offset) * to + i % from + offset] = data[i]!;
  return hostTensor(taps, [to, to]);
}

function tableOf(rows: ReadonlyMap<Kind, readonly Qualities[]>): string {
  const head = [
    "blurred by",
    "pictures",
    "damaged",
    "--blur estimate",
    "--kernel estimate",
    "true kernel",
    "error of the first guess",
    "error of the kernel",
    "first guess kept",
    "estimate refused",
  ];
  const all: readonly (readonly [string, readonly Qualities[]])[] = [...rows, ["all", [...rows.values()].flat()]];
  const cells = all.map(([kind, some]) => {
    const mean = (of: (one: Qualities) => number): string =>
      (some.reduce((sum, one) => sum + of(one), 0) / some.length).toFixed(2);
    const means = [
      mean((one) => one.damaged),
      mean((one) => one.estimated),
      mean((one) => one.blind),
      mean((one) => one.known),
      mean((one) => one.firstError),
      mean((one) => one.blindError),
    ];
    const counts = [some.filter((one) => one.isFirst).length, some.filter((one) => one.isRefused).length];
    return [kind, some.length, ...means, ...counts].map(String);
  });
  return [head, head.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
