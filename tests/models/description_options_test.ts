import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CheckpointError,
  describeCheckpoint,
  type DescribedCheckpoint,
  describeOrigin,
  descriptionOptions,
  descriptionSpecs,
  explainOpen,
  findNetwork,
  KNOWN_CHECKPOINTS,
  originNotes,
} from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { checkpointOf, checkpointWith, SMALL_DDPM } from "./described_networks.ts";

const [published] = KNOWN_CHECKPOINTS;

Deno.test("descriptionOptions() reads what describeCheckpoint() takes, and leaves other options out", () => {
  const values = { "image-size": 48, schedule: "linear", "diffusion-steps": 1000, "value-range": "-1..1" };
  assert(Object.keys(values).every((option) => option in descriptionSpecs()));
  const answers = descriptionOptions({ ...values, seed: 3 });
  assertEquals(answers, { imageSize: 48, schedule: "linear", diffusionSteps: 1000, valueRange: "-1..1" });
  assertEquals(describeCheckpoint(checkpointOf(SMALL_DDPM), answers).description["image_size"], 48);
  assertEquals(descriptionOptions({ as: published!.name, "state-dict": "ema" }), {
    as: published!.name,
    stateDict: "ema",
  });
  const text = `there is no known checkpoint "${published!.name}s"; did you mean "${published!.name}"?`;
  assertThrows(() => descriptionOptions({ as: `${published!.name}s` }), UsageError, text);
});

Deno.test("explainOpen() names the option of everything that is open, and passes other errors on", () => {
  const open = assertThrows(() => describeCheckpoint(checkpointOf(SMALL_DDPM), { imageSize: 48 }));
  const explained = explainOpen(open);
  assert(explained instanceof UsageError);
  const options = explained.message.split("\n").slice(1, -1).map((line) => line.trim().split(" ")[0]);
  assertEquals(options, ["--schedule", "--diffusion-steps", "--value-range"]);
  const other = new Error("it is cut off");
  assertEquals(explainOpen(other), other);
});

Deno.test("originNotes() tells which published checkpoints gave what the file does not hold", () => {
  assertEquals(originNotes({ known: [], notes: ["The averages are taken"] }), ["The averages are taken"]);
  assertEquals(describeOrigin({ known: [], notes: [] }), undefined);
  assertEquals(
    describeOrigin({ known: [published!], notes: ["The averages are taken"] }),
    `The averages are taken. Its tensors are those of ${
      published!.name
    }: schedule, heads and range of values are taken ` +
      "from there",
  );
});

Deno.test("findNetwork() tells the network of a file, and what is certain where something is open", () => {
  const answers = { schedule: "linear", diffusionSteps: 1000, valueRange: "-1..1" } as const;
  const found = findNetwork(() => describeCheckpoint(checkpointOf(SMALL_DDPM), { imageSize: 48, ...answers }));
  assertEquals([found.open, found.description["noise_schedule"], found.process?.predictionType], [
    undefined,
    "linear",
    "epsilon",
  ]);
  const without = (): DescribedCheckpoint => describeCheckpoint(checkpointOf(SMALL_DDPM), answers);
  const unsized = findNetwork(without);
  assertEquals([unsized.plan, unsized.process, unsized.known], [undefined, undefined, []]);
  assertEquals(unsized.open!.questions.map(({ options }) => options), [["imageSize"]]);
  const sized = findNetwork(without, 48);
  assertEquals([...sized.plan!.parameters.keys()], [...found.plan!.parameters.keys()]);
  assertThrows(() => findNetwork(() => describeCheckpoint(checkpointWith([]))), CheckpointError);
});
