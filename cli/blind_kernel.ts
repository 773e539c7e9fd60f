/** `restore --task deblur --kernel estimate`: finds the kernel, writes it beside the result, and reads the job that takes it. */
import { checkWritable, readImage, writePng } from "../io/mod.ts";
import { numberOf, type OptionValues } from "../parameters/mod.ts";
import { alphaRaster, colourRaster, fillUnderAlpha, toImage } from "../raster/mod.ts";
import { blindRunOptions, describeKernel, estimateNoiseLevel, findKernel, kernelRaster } from "../restoration/mod.ts";
import { kernelName } from "./outputs.ts";
import { type Job, readJob, type Request, type Session } from "./restore_job.ts";

/**
 * The job of a blur that nobody knows.
 * @param name of the result
 * @param requestWith the request with other options
 * @throws {FileError} if the picture cannot be read or the kernel not written
 */
export async function blindJob(
  { runtime, loaded: { model }, reporter, interrupt }: Session,
  { path, name, seed, options }: Pick<Request, "path" | "seed" | "options"> & { readonly name: string },
  requestWith: (options: OptionValues) => Request,
): Promise<Job> {
  const file = kernelName(name);
  await checkWritable([file], [path]);
  const picture = await readImage(path);
  const [alpha, colour] = [alphaRaster(picture), colourRaster(picture)];
  const shown = alpha ? fillUnderAlpha(colour, alpha) : colour;
  const jpeg = picture.jpeg && { ...picture.jpeg, orientation: picture.orientation };
  const estimated = estimateNoiseLevel(shown, { jpeg });
  const sigma = numberOf(options, "noise-level") ?? (estimated?.isPlain ? estimated.sigma : 0);
  const found = await findKernel(runtime, model, shown, {
    sigma,
    seed,
    label: numberOf(options, "class"),
    onStep: async (step, steps) => {
      reporter.step("find the kernel", step, steps);
      await interrupt.check();
    },
  });
  reporter.done();
  await interrupt.hold(() => writePng(file, toImage(kernelRaster(found.kernel), { bitDepth: 16 })));
  for (const line of [...describeKernel(found), `Wrote ${file}`]) reporter.note(line);
  return await readJob(requestWith(blindRunOptions(found, options, { file, sigma })));
}
