/** Pictures as arrays of values: cutting, padding, resizing, colour and samples; this room imports nothing. */
export { fillUnderAlpha } from "./alpha.ts";
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
export { centre, crop, padReflect, type Raster, type Rectangle, type Size } from "./raster.ts";
export { fitWithin, resize, type ResizeFilter } from "./resize.ts";
export { makeSheet } from "./sheet.ts";
