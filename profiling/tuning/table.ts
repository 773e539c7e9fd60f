/** What tuning found, as text for a terminal. */
import { percent, size, textColumns, time } from "../../report/mod.ts";
import type { TunedLayer, TuneOutcome } from "./tune_network.ts";

/** Tables of layers, one for each operation, and what the choices do to the network. */
export function formatOutcome(outcome: TuneOutcome, batch: number): string {
  const groups = Map.groupBy(outcome.layers, ({ operation }) => operation);
  const total = outcome.networkLook / batch;
  const tables = Array.from(groups.values(), (layers) => formatLayers(layers, total));
  return [...tables, formatNetwork(outcome, batch)].join("\n\n");
}

/** Rows of layers with their algorithms as columns; `-` where one cannot compute the layer, or comes to another. */
function formatLayers(layers: readonly TunedLayer[], total: number): string {
  const [{ operation }] = layers as [TunedLayer];
  const names = [...new Set(layers.flatMap(({ times }) => times.map(({ algorithm }) => algorithm)))].sort();
  return textColumns([
    [operation, "layers", "share", ...names, "default", "measured", "gain"],
    ...layers.map(({ key, count, look, times, choice }) => {
      const [standard] = times;
      const each = standard?.milliseconds ?? look;
      const cell = (name: string): string => {
        const timing = times.find(({ algorithm }) => algorithm === name);
        return timing ? time(timing.milliseconds) : "-";
      };
      return [
        key.slice(operation.length + 1),
        String(count),
        each === undefined ? "-" : percent(count * each / total),
        ...names.map(cell),
        standard?.algorithm ?? "-",
        standard ? choice?.algorithm ?? standard.algorithm : "not timed",
        standard && choice ? percent(choice.saved / standard.milliseconds) : "-",
      ];
    }),
  ]);
}

/** What the choices save, by the times of the layers and by the time of the network. */
function formatNetwork(outcome: TuneOutcome, batch: number): string {
  const { layers, predictedSaved, moreBytes, network, networkLook } = outcome;
  const chosen = layers.filter(({ choice }) => choice !== undefined).length;
  if (chosen === 0) return "No layer is faster by more than the noise with another algorithm than its default.";
  const total = networkLook / batch;
  const memory = moreBytes === 0
    ? "no more memory"
    : `${size(Math.abs(moreBytes))} ${moreBytes > 0 ? "more" : "less"} memory`;
  const lines = [
    `${chosen} of ${layers.length} shapes leave their default. By the times of the layers they save ` +
    `${time(predictedSaved)} of ${time(total)} for each image, ${percent(predictedSaved / total)}, with ${memory}.`,
  ];
  if (!network) return [...lines, "The network was not timed with them."].join("\n");
  const { before, after, saved, noise, rounds, difference } = network;
  return [
    ...lines,
    `The network takes ${time(before)} without and ${time(after)} with them (medians of ${rounds} rounds in turn): ` +
    `${time(Math.abs(saved))} ${saved < 0 ? "lost" : "saved"}, ${percent(Math.abs(saved) / before)}, where ` +
    `${time(noise)} would be noise. Its results differ by ${difference.toExponential(1)} (relative L2).`,
  ].join("\n");
}
