/** `restore --task deblur --kernel estimate`: finds the kernel, writes it beside the result, and reads the job that takes it. */
import { checkWritable, readImage, writePng } from "../io/mod.ts";
import { numberOf, type OptionValues } from "../parameters/mod.ts";
import { toImage } from "../raster/mod.ts";
import { blindPicture, blindRunOptions, describeKernel, findKernel, kernelRaster } from "../restoration/mod.ts";
import { nameBeside } from "./outputs.ts";
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
  const file = nameBeside(name, "kernel");
  await checkWritable([file], [path]);
  const { colour, sigma } = blindPicture(await readImage(path), numberOf(options, "noise-level"));
  const found = await findKernel(runtime, model, colour, {
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
