/** Files and pictures: the thin layer between the disk and the tensors; the only room below the commands that knows Deno. */
export { commandSection } from "./command_section.ts";
export { Interrupt, INTERRUPTED_EXIT, InterruptedError, untilInterrupted } from "./interrupt.ts";
export { type CommandLine, type CommandSpec, helpText, readCommandLine } from "./command_line.ts";
export { byteProgress, type FileOutcome, formatSeconds, makeReporter, type Reporter } from "./progress.ts";
export { DAWN_COMMAND, DAWN_VERSION, openDawn } from "./dawn.ts";
export { FileError } from "./file_error.ts";
export { checkpointPath, FileSource } from "./file_source.ts";
export { sha256Of, sha256OfFile } from "./sha256.ts";
export { download, type Downloaded, type DownloadOptions } from "./download.ts";
export { type DownloadPlan, type DownloadRequest, planDownload } from "./download_plan.ts";
export { contentOf, DEFAULT_DOWNLOADS, findCheckpoint, findHubFolder, type Found, type Presence } from "./downloads.ts";
export type { ConnectionOptions } from "./hub_listing.ts";
export {
  type FetchedFile,
  fetchHubFolder,
  HUB_VARIABLE,
  hubEndpoint,
  type HubFetchOptions,
  type HubPlan,
} from "./hub_folder.ts";
export {
  checkWritable,
  isFolder,
  isMade,
  join,
  type Output,
  readText,
  writeRecord,
  writeTensors,
  writeTogether,
} from "./output_files.ts";
export { FolderStore } from "./folder_store.ts";
export { type StateFile, stateFile } from "./state_file.ts";
export { type AtomicWriter, atomicWriter, writeAtomically } from "./atomic_write.ts";
export { ImageError, type ImageFile, type JpegQuantization, type PictureMetadata } from "./codecs/image.ts";
export { encodePng } from "./codecs/png_file.ts";
export { imageOfPng } from "./png_bytes.ts";
export { identifyImage, readImage, type ReadImageOptions, readTexts, writePng } from "./image_file.ts";
export { formatByName, writeImage, type WriteImageOptions } from "./write_image.ts";
export { readPicture, type ReadPictureOptions, writePicture } from "./picture_file.ts";
export { openModel, type OpenModelOptions } from "./model_file.ts";
export { type ModelFile, openModelFile, type OpenModelFileOptions } from "./open_model_file.ts";
export { readBlurNetwork } from "./blur_network.ts";
export { isArrayName, readNpy, readNpyPicture, readNpyPlanes } from "./array_file.ts";
export { CALLER_VARIABLE, callerPath } from "./caller_path.ts";
export { programFile } from "./program_file.ts";
export { readKernel } from "./kernel_file.ts";
export { type Mask, readMask, type ReadMaskOptions } from "./mask.ts";
export { CACHE_VARIABLES, cacheFolder, type CachePlace } from "./user_cache.ts";
export {
  type Algorithms,
  checkTunedWritable,
  forgetTuned,
  readTuned,
  storedPreferences,
  type TunedChoice,
  type TunedChoices,
  tunedFile,
  type TunedReading,
  type TunedSubject,
  writeTuned,
} from "./tuned_choices.ts";
export type { ImageFormat } from "./codecs/image.ts";
export type { TunedIdentity } from "./tuned_choices.ts";
export type { FORMATS } from "./write_image.ts";
