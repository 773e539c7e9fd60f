/**
 * The operators that come with the project, one line each. Their order is that of help texts, tables and evaluations.
 */
export { srAverage as sr_average } from "./average_downsample.ts";
export { srBicubic as sr_bicubic } from "./bicubic_downsample.ts";
export { colorize } from "./colorization.ts";
export { inpaint } from "./inpainting.ts";
export { deblurGauss as deblur_gauss } from "./gaussian_blur.ts";
export { deblurUniform as deblur_uniform } from "./uniform_blur.ts";
export { deblurAniso as deblur_aniso } from "./anisotropic_blur.ts";
export { deblurKernel as deblur_kernel } from "./kernel_blur.ts";
export { deblurMotion as deblur_motion } from "./motion_blur.ts";
export { srKernel as sr_kernel } from "./kernel_super_resolution.ts";
export { srGray as sr_gray } from "./gray_small.ts";
export { identity } from "./identity.ts";
export { outpaint } from "./outpainting.ts";
export { oldPhoto as old_photo } from "./old_photo.ts";
export { csHadamard as cs_hadamard } from "./walsh_hadamard.ts";
export { csBlock as cs_block } from "./block_sensing.ts";
export { hdr } from "./hdr.ts";
export { jpeg } from "./jpeg_compression.ts";
export { deblurNetwork as deblur_network } from "./blur_network.ts";
export { phaseRetrieval as phase_retrieval } from "./phase_retrieval.ts";
export { ct } from "./tomography.ts";
export { mriPicture as mri_picture } from "./mri_picture.ts";
export { mri } from "./mri.ts";
