// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { hostTensor, ReferenceRuntime, type Tensors } from "../../engine/mod.ts";
import { classify, openClassifier, planDescription } from "../../models/mod.ts";
import { randomValues } from "../support/random.ts";
import { SMALL_CLASSIFIER } from "./described_networks.ts";
import { fileOf, randomTensorsOf } from "./random_checkpoint.ts";

Deno.test("classify() gives all classes by softmax of the logits at timestep 0, the likeliest first", async () => {
  const runtime = new ReferenceRuntime();
  const description = { ...SMALL_CLASSIFIER, image_size: 16 };
  const tensors = randomTensorsOf(planDescription(description).plan.parameters, 7);
  const classifier = await openClassifier(runtime, await fileOf(tensors, { config: JSON.stringify(description) }));
  const image = hostTensor(randomValues(16 * 16 * 3, 5), [16, 16, 3]);
  const classes = await classify(runtime, classifier, image);
  const stage = runtime.stage("logits", ({ x }: Tensors<"x">) => ({ logits: classifier.logits(x, 0) }));
  const logits = await (await stage({ x: runtime.upload(image.data, [1, 16, 16, 3]) }, {})).logits.read();
  assertEquals(classes.length, logits.length);
  assertEquals(classes.map((row) => row.class).toSorted((a, b) => a - b), [...logits.keys()]);
  assertEquals(classes.map(({ logit }) => logit), [...logits].toSorted((a, b) => b - a));
  const sum = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  for (const { class: index, probability, logit } of classes) {
    assertEquals(logit, logits[index]);
    assertAlmostEquals(probability, Math.exp(logit) / sum, 1e-12);
  }
  await assertRejects(() => classify(runtime, classifier, hostTensor(new Float32Array(256), [16, 16, 1])), TypeError);
});
