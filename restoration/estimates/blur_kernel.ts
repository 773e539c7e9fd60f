/** The kernels of blurs that were estimated. */
import type { HostTensor } from "../../engine/mod.ts";
import { discKernel, squareKernel } from "./area_kernel.ts";
import type { Blur, GaussianBlur } from "./blur.ts";
import { lineKernel } from "./line_kernel.ts";

/** A kernel and how far it reaches. */
export interface BlurKernel {
  /** [side, side], odd, sum 1. */
  readonly kernel: HostTensor;
  /** Width and height of what it spreads a point over, in pixels. */
  readonly extent: { readonly width: number; readonly height: number };
}

/** The kernel of a blur that is no Gaussian. */
export function blurKernel(blur: Exclude<Blur, GaussianBlur>): BlurKernel {
  if (blur.kind === "motion") {
    const { length, angle } = blur;
    const radians = angle * Math.PI / 180;
    const extent = { width: Math.abs(length * Math.cos(radians)), height: Math.abs(length * Math.sin(radians)) };
    return { kernel: lineKernel(length, angle), extent };
  }
  const { width } = blur;
  const kernel = blur.kind === "disc" ? discKernel(width / 2) : squareKernel(width);
  return { kernel, extent: { width, height: width } };
}
