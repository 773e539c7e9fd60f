/** What kernels that are found with the network are worth, beside estimated and true ones. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { psnr } from "../../metrics/mod.ts";
import { colourRaster, crop, type Raster } from "../../raster/mod.ts";
import { findKernel, kernelRunOptions, PictureQuestion, restorePart, richestPart } from "../../restoration/mod.ts";
import { gaussian, type Kind, type Truth } from "./damages.ts";
import { type DamageSetting, damageTable, meanOf, overDamages, type Trial } from "./over_damages.ts";

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
export async function measureBlind(setting: DamageSetting): Promise<string> {
  return tableOf(await overDamages(KINDS, setting, compared));
}

async function compared({ runtime, model, picture, clean, expected, truth, number }: Trial): Promise<Qualities> {
  const kernel = truth.files?.["psf"] ?? gaussian(expected[0]!.value[1]);
  const colour = colourRaster(picture);
  const part = richestPart(colour, PART);
  const before = crop(clean, part);
  const qualityOf = (raster: Raster): number => psnr(raster.data, before.data, { shape: [PART, PART, 3] });
  const setting = { name: "picture", options: {}, seed: number };
  const restored = async (run: Truth): Promise<number> =>
    qualityOf((await restorePart(runtime, model, { picture, run, part }, setting)).raster);
  const by = (psf: HostTensor): Promise<number> => {
    const { task: _, kernel: __, ...options } = kernelRunOptions({}, "", 0);
    return restored({ task: "deblur-kernel", options, files: { psf } });
  };
  const asIs = qualityOf(crop(colour, part));
  const found = await findKernel(runtime, model, colour, { sigma: 0, seed: number });
  const estimated = await restored({ task: "deblur", options: { blur: "estimate" } }).catch((error) => {
    if (error instanceof PictureQuestion) return undefined;
    throw error;
  });
  return {
    damaged: asIs,
    estimated: estimated ?? asIs,
    blind: found.isFirst && found.isSure && estimated !== undefined ? estimated : await by(found.kernel),
    known: await by(kernel),
    firstError: errorOf(found.first, kernel),
    blindError: errorOf(found.kernel, kernel),
    isFirst: found.isFirst,
    isRefused: estimated === undefined,
  };
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
  return damageTable(head, rows, (pictures) => [
    ...(["damaged", "estimated", "blind", "known", "firstError", "blindError"] as const).map((key) =>
      meanOf(pictures, (one) => one[key])
    ),
    pictures.filter(({ isFirst }) => isFirst).length,
    pictures.filter(({ isRefused }) => isRefused).length,
  ]);
}
