/** Pictures as arrays of values: cutting, padding, resizing, colour and samples; this room imports nothing. */
export { fillUnderAlpha } from "./alpha.ts";
export { joinBytes } from "./bytes.ts";
export { DecodeError } from "./decode_error.ts";
export { renewedExif, statedOrientation, withDensity } from "./exif_block.ts";
export { allocateSamples, applyOrientation, type Image, type Samples } from "./image.ts";
export {
  type KnownPixels,
  maskFromAlpha,
  maskFromColour,
  type MaskReading,
  percent,
  readAsMask,
  readColourMask,
} from "./mask.ts";
export {
  alphaRaster,
  colourRaster,
  decodeSamples,
  type EncodeOptions,
  encodeSamples,
  grayImage,
  grayToRgb,
  isGrayContent,
  rgbToGray,
  toImage,
} from "./pixels.ts";
export { PNG_SIGNATURE, type PngChunk, pngChunk, type PngHeader, readPngChunks, readPngHeader } from "./png_chunks.ts";
export { pngTextChunk, readPngTexts } from "./png_text.ts";
export {
  type JpegComponent,
  type JpegLayout,
  type JpegQuantization,
  type PictureMetadata,
  readJpegLayout,
  XMP_INTRODUCTION,
} from "./jpeg_layout.ts";
export { kernelOfArray, kernelOfImage, kernelOfSumOne, kernelOfText, type KernelTaps } from "./kernel.ts";
export { maskOfSize } from "./mask_size.ts";
export { type ArrayPlanes, arrayPlanes, decodeNpy, planesAsImage, type StoredArray } from "./npy.ts";
export { centre, crop, padReflect, type Raster, type Rectangle, type Size } from "./raster.ts";
export { fitWithin, resize, type ResizeFilter } from "./resize.ts";
export { makeSheet } from "./sheet.ts";
