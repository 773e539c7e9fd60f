/**
 * The operators that come with the project: one file each, one import and its name in the list. The order is that of
 * help texts, tables and evaluations.
 */
import { deblurAniso } from "./anisotropic_blur.ts";
import { srAverage } from "./average_downsample.ts";
import { srBicubic } from "./bicubic_downsample.ts";
import { csBlock } from "./block_sensing.ts";
import { deblurNetwork } from "./blur_network.ts";
import { colorize } from "./colorization.ts";
import { deblurGauss } from "./gaussian_blur.ts";
import { srGray } from "./gray_small.ts";
import { hdr } from "./hdr.ts";
import { identity } from "./identity.ts";
import { inpaint } from "./inpainting.ts";
import { jpeg } from "./jpeg_compression.ts";
import { deblurKernel } from "./kernel_blur.ts";
import { srKernel } from "./kernel_super_resolution.ts";
import { deblurMotion } from "./motion_blur.ts";
import { mri } from "./mri.ts";
import { mriPicture } from "./mri_picture.ts";
import { oldPhoto } from "./old_photo.ts";
import { outpaint } from "./outpainting.ts";
import { phaseRetrieval } from "./phase_retrieval.ts";
import { ct } from "./tomography.ts";
import { deblurUniform } from "./uniform_blur.ts";
import { csHadamard } from "./walsh_hadamard.ts";

/** All of them. */
export const ENTRIES = [
  ...[srAverage, srBicubic, colorize, inpaint],
  ...[deblurGauss, deblurUniform, deblurAniso, deblurKernel, deblurMotion],
  ...[srKernel, srGray, identity, outpaint, oldPhoto],
  ...[csHadamard, csBlock, hdr, jpeg, deblurNetwork, phaseRetrieval, ct, mriPicture, mri],
] as const;
