/** Trajectories of zero-shot editing by the consistency models program. */
import type { Runtime, Shape, Tensors } from "../../engine/mod.ts";
import { noiseLevelProcess } from "../../models/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import { SAMPLERS } from "../../samplers/mod.ts";
import { loadNetwork } from "../network.ts";
import { publishedOperator } from "../published_operator.ts";
import type { ReferenceFile, Settings } from "../reference_file.ts";
import { NotSupportedError, type Values } from "../row.ts";
import { levelLimit, listValues, modelOfRun, RUN_NOISE, runsOf, watched, withoutScale } from "./denoiser_runs.ts";
import { recordedNoise, type StateRequest, storedDraw, type TrajectoryMethod, Uploads, valuesOf } from "./method.ts";

/** Gray value of the program (ITU-R BT.601). */
const GRAY_WEIGHTS = [0.2989, 0.587, 0.114];

/** The runs of such a file, each with the prefix of its name. */
export const EDITING_METHOD: TrajectoryMethod = {
  pattern: /^zero-shot editing\b/,
  inputs: RUN_NOISE,
  result: /^\w+\.(x_t\.\d+|final)$/,
  limit: levelLimit,
  lists: () => ({}),
  run,
};

async function operatorOf(
  file: ReferenceFile,
  name: string,
  config: Settings,
  imageShape: Shape,
): Promise<LinearOperator> {
  switch (config.text("function")) {
    case "iterative_superres":
      return createOperator("sr_average", imageShape, { scale: config.number("patch") });
    case "iterative_colorization":
      return createOperator("colorize", imageShape, { weights: GRAY_WEIGHTS });
    case "iterative_inpainting": {
      const measurementShape = file.shape("gt")!;
      const prefixes = [`${name}.`, ""];
      const about = { name: "inpainting", imageShape, measurementShape, settings: config, prefixes };
      return (await publishedOperator(file, about)).operator;
    }
    default:
      throw new NotSupportedError(`there is no rule for "${config.text("function")}"`);
  }
}

async function run(
  runtime: Runtime,
  file: ReferenceFile,
  { precision }: StateRequest,
): Promise<ReadonlyMap<string, Values>> {
  using loaded = await loadNetwork(runtime, file, precision);
  using uploads = new Uploads(runtime);
  const image = uploads.add(await file.readChannelsLast("gt"));
  const imageShape = image.shape.slice(1);
  const states = new Map<string, Values>();
  for (const [name, config] of runsOf(file)) {
    const operator = await operatorOf(file, name, config, imageShape);
    const measure = runtime.stage("measure", ({ x }: Tensors<"x">) => {
      const y = operator.forward(x);
      return { y, measured: operator.pseudoInverse(y) };
    });
    const { y, measured } = await measure({ x: image }, {});
    states.set(`${name}.measured`, await valuesOf(measured));
    const { model, calls } = watched(modelOfRun(loaded.network, noiseLevelProcess("consistency"), imageShape, config));
    const ts = config.numbers("ts");
    const noise = await recordedNoise(uploads, image.shape, [
      storedDraw(file, `${name}.noise.xT`, "xT", false),
      // The noise of the last step has no weight and may be missing.
      ...ts.slice(1).map((_, k) => storedDraw(file, `${name}.noise.${k}`, String(k), k === ts.length - 2)),
    ]);
    const options = { ts: ts.join(), grid: config.number("steps"), noise };
    const restored = SAMPLERS.consistency_editing.restore(runtime, { model, operator, y, sigmaY: 0 }, options);
    for await (const { xt, step, steps } of restored) {
      // The last state is the image.
      const [quantity, sigma] = step < steps ? [`x_t.${step - 1}`, calls()[step]!] : ["final", 0];
      states.set(`${name}.${quantity}`, withoutScale(await valuesOf(xt), sigma));
    }
    states.set(`${name}.sigma_seen`, listValues(calls()));
    measure.release();
  }
  return states;
}
