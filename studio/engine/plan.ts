/** What a restoration would take, by the pace that the network has here. */
import type { Runtime } from "../../engine/mod.ts";
import { planRestoration, presetNotes, type SettledSize, takesGradients } from "../../restoration/mod.ts";
import type { Plan } from "../protocol.ts";
import { type Job, type Paces, settleSize } from "./job.ts";
import type { OpenNetwork } from "./network.ts";

/** Milliseconds of an evaluation as measured, by what decides them. */
export type EvaluationTimes = Map<string, number>;

/** What decides how long an evaluation takes: the picture at its size, the windows, class and gradients. */
export function timeKey({ request, options, task, method }: Job, { input, setting }: SettledSize): string {
  const size = "source" in input ? input.size : undefined;
  return JSON.stringify([
    ...[request.picture, task.name, task.scale, options["degrade"], options["class"]],
    ...[size, setting.window, takesGradients(method)],
  ]);
}

/**
 * Plans a job. The network is evaluated a few times where its pace is not known.
 * @throws {DeviceLimitError} if the device cannot hold a part of it
 * @throws {UsageError} if the network does not fit the options
 */
export async function planJob(
  runtime: Runtime,
  network: OpenNetwork,
  job: Job,
  { paces, times }: { readonly paces: Paces; readonly times: EvaluationTimes },
): Promise<Plan> {
  const settled = await settleSize(runtime, network, job, paces);
  const key = timeKey(job, settled);
  const known = times.get(key);
  // A pace that is given is not measured; that of evaluations that were timed stands for itself.
  const paced = known === undefined ? settled : { ...settled, pace: { flops: 1, seconds: 0 } };
  const plan = await planRestoration(runtime, network.model, paced, job.method);
  const { evaluations: { actual }, windows: { count, side } } = plan;
  const isPredicted = plan.seconds !== null && actual > 0;
  const milliseconds = known ?? (isPredicted ? 1000 * plan.seconds! / actual : null);
  if (milliseconds !== null) times.set(key, milliseconds);
  const evaluations = actual * job.request.samples;
  return {
    result: plan.result,
    restored: plan.restored,
    network: plan.network,
    windows: { count, side },
    evaluations,
    evaluationMilliseconds: milliseconds,
    milliseconds: milliseconds === null ? (actual === 0 ? 0 : null) : milliseconds * evaluations,
    deviceBytes: plan.deviceBytes!,
    notes: [...plan.notes, ...presetNotes(job.method, job.options)],
  };
}
