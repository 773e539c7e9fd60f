/** Files of kind `parametrisations`: states, outputs and weights of all kinds of networks at levels of all of them. */
import type { Runtime } from "../engine/mod.ts";
import {
  alphaBarOf,
  type DiffusionProcess,
  listedProcess,
  noiseLevelProcess,
  noiseSchedule,
  type OutputWeights,
  PUBLISHED_LEVELS,
  sigmaOf,
  timestepOf,
} from "../models/mod.ts";
import { findings } from "./findings.ts";
import { channelsLast, type ReferenceFile, shapeChannelsLast } from "./reference_file.ts";
import type { Finding, Values } from "./row.ts";

/** Weights divide by sigmas down to 0.004. */
const LIMIT = 1e-9;

const LINEAR = noiseSchedule("linear");

/** Processes by what the file calls them in `eps_form`. */
const PROCESSES: Readonly<Record<string, DiffusionProcess>> = {
  "VP-eps": listedProcess(LINEAR, "epsilon"),
  "VP-v": listedProcess(LINEAR, "v_prediction"),
  "VP-x0": listedProcess(LINEAR, "sample"),
  VE: noiseLevelProcess("ve"),
  EDM: noiseLevelProcess("edm", { noiseInput: "nvlabs" }),
  CM: noiseLevelProcess("consistency"),
  RF: noiseLevelProcess("flow"),
};

/**
 * Compares what networks of every kind are given and give for one image and noise, and how levels translate.
 * @param _runtime unused, since weights are made on the host
 * @param file of kind `parametrisations`
 */
export async function* verifyParametrisations(_runtime: Runtime, file: ReferenceFile): AsyncGenerator<Finding, void> {
  file.declareInputs(/^(x0|eps|lookup\.sigma)$/);
  const expectations = file.names(/./).filter((name) => !file.isInput(name))
    .map((quantity) => ({ quantity, limit: LIMIT }));
  yield* findings(file, expectations, async () => {
    const alphaBar = levelsOf(file);
    const [x0, eps] = [await file.readNumbers("x0"), await file.readNumbers("eps")];
    const shape = [alphaBar.length, ...file.shape("x0")!];
    const single = (of: (alphaBar: number) => number): Values => ({ data: alphaBar.map(of), shape: [alphaBar.length] });
    const rows = (of: (alphaBar: number) => readonly number[]): Values => {
      return { data: alphaBar.flatMap(of), shape: [alphaBar.length, 4] };
    };
    /** Of every level what is made of the state and the image, element by element. */
    const states = (of: (at: number, xt: number, image: number) => number): Values => {
      const data = alphaBar.flatMap((at) =>
        Array.from(x0, (image, i) => of(at, Math.sqrt(at) * image + Math.sqrt(1 - at) * eps[i]!, image))
      );
      return { data: channelsLast(data, shape), shape: shapeChannelsLast(shape) };
    };
    /** The state as a network is given it. */
    const input = (name: string): Values => states((at, xt) => PROCESSES[name]!.at(at).input * xt);
    /** The output from which its image follows. */
    const output = (name: string): Values =>
      states((at, xt, image) => {
        const { x0FromXt, x0FromOutput } = PROCESSES[name]!.at(at);
        return (image - x0FromXt * xt) / x0FromOutput;
      });
    const forms = Object.entries(PROCESSES).map(([name, { at }]) =>
      [`eps_form.${name}`, rows((level) => epsForm(at(level)))] as const
    );
    const sigmas = Array.from(await file.readNumbers("lookup.sigma"));
    return new Map<string, Values>([
      ["abar", single((at) => at)],
      ["sigma", single(sigmaOf)],
      ["t_rf", single((at) => PROCESSES.RF!.at(at).noise / 1000)],
      ["x_vp", states((_at, xt) => xt)],
      ["x_hat", input("VE")],
      ["x_rf", input("RF")],
      ["v", output("VP-v")],
      ["u", output("RF")],
      ["edm_F", output("EDM")],
      ["cm_F", output("CM")],
      ["score_hat", states((at, xt, image) => (Math.sqrt(at) * image - xt) / (Math.sqrt(at) * sigmaOf(at) ** 2))],
      ["edm_c", rows((at) => denoiserForm(PROCESSES.EDM!.at(at), at))],
      ["cm_c", rows((at) => denoiserForm(PROCESSES.CM!.at(at), at))],
      ["tau", single((at) => timestepOf(LINEAR, sigmaOf(at)))],
      ...forms,
      ["lookup.t", { data: sigmas.map((sigma) => timestepOf(LINEAR, sigma)), shape: [sigmas.length] }],
      ["table.abar", { data: LINEAR.alphaBar, shape: [LINEAR.alphaBar.length] }],
    ]);
  });
}

/** alphaBar of the levels that the metadata list: a timestep, a noise level, or a time of a straight path. */
function levelsOf({ metadata }: ReferenceFile): readonly number[] {
  const levels = metadata.values["levels"] as readonly (readonly [kind: string, place: number])[];
  return levels.map(([kind, place]) => {
    if (kind === "vp") return PUBLISHED_LEVELS[place]!;
    return alphaBarOf(kind === "rf" ? place / (1 - place) : place);
  });
}

/** eps = p x_vp + q F(cin x_vp, c_noise): cin, p, q, c_noise. */
function epsForm({ input, epsFromXt, epsFromOutput, noise }: OutputWeights): readonly number[] {
  return [input, epsFromXt, epsFromOutput, noise];
}

/**
 * x0 = c_skip x_hat + c_out F(c_in x_hat, c_noise): c_skip, c_out, c_in, c_noise, from the weights of x_vp.
 * @param weights those of the level
 * @param alphaBar the level
 */
export function denoiserForm(
  { input, x0FromXt, x0FromOutput, noise }: OutputWeights,
  alphaBar: number,
): readonly [skip: number, out: number, input: number, noise: number] {
  const scale = Math.sqrt(alphaBar);
  return [x0FromXt * scale, x0FromOutput, input * scale, noise];
}
