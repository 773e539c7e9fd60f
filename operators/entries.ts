/**
 * The operators that come with the project, one line each. Their order is that of help texts, tables and evaluations.
 */
export { srAverage as sr_average } from "./resolution/average_downsample.ts";
export { srArea as sr_area } from "./resolution/area_downsample.ts";
export { srBicubic as sr_bicubic } from "./resolution/bicubic_downsample.ts";
export { colorize } from "./pixels/colorization.ts";
export { inpaint } from "./pixels/inpainting.ts";
export { deblurGauss as deblur_gauss } from "./blur/gaussian_blur.ts";
export { deblurUniform as deblur_uniform } from "./blur/uniform_blur.ts";
export { deblurAniso as deblur_aniso } from "./blur/anisotropic_blur.ts";
export { deblurKernel as deblur_kernel } from "./blur/kernel_blur.ts";
export { deblurMotion as deblur_motion } from "./blur/motion_blur.ts";
export { srKernel as sr_kernel } from "./resolution/kernel_super_resolution.ts";
export { srGray as sr_gray } from "./resolution/gray_small.ts";
export { identity } from "./pixels/identity.ts";
export { outpaint } from "./pixels/outpainting.ts";
export { oldPhoto as old_photo } from "./pixels/old_photo.ts";
export { csHadamard as cs_hadamard } from "./sensing/walsh_hadamard.ts";
export { csBlock as cs_block } from "./sensing/block_sensing.ts";
export { hdr } from "./pixels/hdr.ts";
export { jpeg } from "./pixels/jpeg_compression.ts";
export { noisyJpeg as noisy_jpeg } from "./pixels/noisy_jpeg.ts";
export { deblurNetwork as deblur_network } from "./blur/blur_network.ts";
export { phaseRetrieval as phase_retrieval } from "./sensing/phase_retrieval.ts";
export { ct } from "./sensing/tomography.ts";
export { mriPicture as mri_picture } from "./sensing/mri_picture.ts";
export { mri } from "./sensing/mri.ts";
