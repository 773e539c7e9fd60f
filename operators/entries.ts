/**
 * The operators that come with the project, one line each. Their order is that of help texts, tables and evaluations.
 */
export { srAverage } from "./average_downsample.ts";
export { srBicubic } from "./bicubic_downsample.ts";
export { colorize } from "./colorization.ts";
export { inpaint } from "./inpainting.ts";
export { deblurGauss } from "./gaussian_blur.ts";
export { deblurUniform } from "./uniform_blur.ts";
export { deblurAniso } from "./anisotropic_blur.ts";
export { deblurKernel } from "./kernel_blur.ts";
export { deblurMotion } from "./motion_blur.ts";
export { srKernel } from "./kernel_super_resolution.ts";
export { srGray } from "./gray_small.ts";
export { identity } from "./identity.ts";
export { outpaint } from "./outpainting.ts";
export { oldPhoto } from "./old_photo.ts";
export { csHadamard } from "./walsh_hadamard.ts";
export { csBlock } from "./block_sensing.ts";
export { hdr } from "./hdr.ts";
export { jpeg } from "./jpeg_compression.ts";
export { deblurNetwork } from "./blur_network.ts";
export { phaseRetrieval } from "./phase_retrieval.ts";
export { ct } from "./tomography.ts";
export { mriPicture } from "./mri_picture.ts";
export { mri } from "./mri.ts";
