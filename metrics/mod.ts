/** Measures of restored images and of computed numbers, on host data; images are [H, W, C], channels last. */
export { type Consistency, consistency } from "./consistency.ts";
export type { Rounding, ValueOptions } from "./eight_bit.ts";
export { psnr, type PsnrOptions } from "./psnr.ts";
export { ssim, type SsimOptions } from "./ssim.ts";
export { relativeError } from "./relative_error.ts";
