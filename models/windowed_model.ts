/** A network for images of any size: it is evaluated in square windows, everything else stays whole. */
import { checkpoint, elementCount, type Shape, type Tensor } from "../engine/mod.ts";
import { addWindows, concatChannels, cutWindows, reshape, type WindowGrid } from "../kernels/mod.ts";
import { evaluatedBy, type Evaluation, type NoiseModel, type Predicted, predictionOf } from "./noise_model.ts";

/**
 * How windows cover an image. `shifted`: side by side, and moved from timestep to timestep, so that no border falls on
 * one place twice (Hu et al., Learning Image Priors through Patch-based Diffusion Models, NeurIPS 2024); every pixel is
 * seen once. `overlapping`: in fixed places, an eighth of a side over each other, mixed with weights that fall linearly.
 */
export type WindowForm = "shifted" | "overlapping";

/**
 * Part of a side by which overlapping windows lie over each other. At a quarter pictures come out the same within 0.1 dB,
 * and half as many windows more are needed: of 512 x 512 pixels 121 of 64 instead of 81, which is as many as side by side.
 */
const OVERLAP = 1 / 8;

/** The forms by name. */
export const WINDOW_FORMS: readonly WindowForm[] = ["shifted", "overlapping"];

/** How a network is evaluated in windows. */
export interface WindowOptions {
  /** Where windows lie. */
  readonly form: WindowForm;
  /** Windows that go through the network at once, which bounds memory. */
  readonly batch: number;
}

/**
 * The windows of one evaluation.
 * @param image [H, W], both at least `side`
 * @param side of a window in pixels
 * @returns the grid of all of them
 */
export function windowGrid([height = 0, width = 0]: Shape, side: number, form: WindowForm): Omit<WindowGrid, "shift"> {
  const stride = form === "shifted" ? side : side - Math.ceil(side * OVERLAP);
  const places = ([height, width] as const).map((extent) => {
    if (extent === side) return { count: 1, origin: 0 };
    // Shifted windows need room for any shift; others are centred, with what is too much of them beyond the image.
    if (form === "shifted") return { count: Math.ceil((extent + side - 1) / side), origin: 0 };
    const count = Math.ceil((extent - side) / stride) + 1;
    return { count, origin: -Math.floor(((count - 1) * stride + side - extent) / 2) };
  }) as [{ count: number; origin: number }, { count: number; origin: number }];
  const [rows, columns] = places;
  return {
    image: [height, width],
    side,
    stride,
    count: [rows.count, columns.count],
    origin: [rows.origin, columns.origin],
    first: 0,
    windows: rows.count * columns.count,
    border: "mirror",
    isTapered: form === "overlapping",
  };
}

/** Windows of images [N k, ...] and [N l, ...] joined image by image: [N (k + l), ...], in as few copies as halving needs. */
function joined(batches: readonly Tensor[], images: number): Tensor {
  if (batches.length === 1) return batches[0]!;
  const middle = Math.ceil(batches.length / 2);
  const halves = [batches.slice(0, middle), batches.slice(middle)].map((half) => joined(half, images));
  const [first, second] = halves.map((half) => reshape(half, [images, elementCount(half.shape) / images]));
  const windows = halves.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return reshape(concatChannels(first!, second!), [windows, ...batches[0]!.shape.slice(1)]);
}

/**
 * The noise model of larger images: the prediction is made of those for windows, which see the image mirrored at its
 * border. Gradients add up over the windows, whose inside is computed again instead of being kept.
 * @param model for square windows [side, side, C]
 * @param imageShape [H, W, C], H and W at least side; of that size itself nothing is done
 * @throws {TypeError} if the windows are not square, larger than the images, or of other channels
 * @throws {RangeError} if the batch is no positive integer
 */
export function windowedModel(model: NoiseModel, imageShape: Shape, { form, batch }: WindowOptions): NoiseModel {
  const [side = 0, width, channels] = model.imageShape;
  const [height = 0, imageWidth = 0, imageChannels] = imageShape;
  if (side !== width || side > Math.min(height, imageWidth) || channels !== imageChannels) {
    throw new TypeError(
      `Cannot show images [${imageShape.join(", ")}] in windows [${
        model.imageShape.join(", ")
      }]: square windows of as ` +
        "many channels are needed, no larger than the images",
    );
  }
  if (!Number.isSafeInteger(batch) || batch < 1) {
    throw new RangeError(`Cannot show images in windows: the batch is ${batch}, a positive integer is needed`);
  }
  const all = windowGrid(imageShape, side, form);
  if (all.windows === 1) return model;
  // Of several batches each is computed again for its gradient: together they would not fit.
  const batched = all.windows > batch ? checkpoint : <T>(body: () => T): T => body();
  return evaluatedBy(model, imageShape, <K extends string>(evaluation: Evaluation<K>) => {
    const { xt, timestep, names, exchange, predict } = evaluation;
    if (exchange !== undefined) {
      throw new TypeError(
        "Cannot exchange attention between windows: the attention of an image is not that of its parts",
      );
    }
    const grid: WindowGrid = { ...all, ...(form === "shifted" ? { shift: timestep } : {}) };
    const batches: Predicted<K>[] = [];
    for (let first = 0; first < all.windows; first += batch) {
      const windows = Math.min(batch, all.windows - first);
      batches.push(batched(() => predict(cutWindows(xt, { ...grid, first, windows, isTapered: false }))));
    }
    // Windows are put in their places all at once: one pass over the image, however many there are.
    return predictionOf(
      names,
      (name) =>
        addWindows(joined(batches.map((windows) => windows[name]), xt.shape[0]!), { ...grid, border: "nothing" }),
    );
  });
}
