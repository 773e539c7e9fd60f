import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { type MeasureFiles, measureOptions, measuresOf } from "../../evaluation/mod.ts";
import { openLpips } from "../../metrics/mod.ts";
import { bytesByteSource, safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { linearTensors, perceptualTensors } from "../models/feature_files.ts";
import { fileOf } from "../models/random_checkpoint.ts";
import { randomValues } from "../support/random.ts";

/** Files in memory, whose hashes are their names; `open` holds the names of those that are open. */
function filesOf(
  contents: Readonly<Record<string, readonly TensorToWrite[]>>,
): MeasureFiles & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    sha256: (path) => Promise.resolve(`hash of ${path}`),
    open: async (path) => {
      log.push(`open ${path}`);
      const source = bytesByteSource(await safetensorsBytes({ tensors: contents[path]! }), path);
      return { ...source, [Symbol.dispose]: () => void log.push(`close ${path}`) };
    },
    runtime: () => Promise.resolve(new ReferenceRuntime()),
  };
}

Deno.test("measuresOf() tells networks apart by their files and how they are read, and opens none for it", async () => {
  const files = filesOf({});
  assertEquals(measuresOf({ sheet: "x.png" }, files), { lpips: undefined, inception: undefined });
  const alone = measuresOf({ "lpips-weights": "w", inception: "i" }, files);
  assertEquals(await alone.lpips!.key(), ["hash of w", "hash of w", null]);
  assertEquals(await alone.inception!.key(), ["hash of i", null]);
  const [preparation] = measureOptions("Compute")["preparation"]!.choices!;
  const said = measuresOf(
    { "lpips-weights": "w", "lpips-linear": "l", "lpips-network": "alex", inception: "i", preparation: preparation! },
    files,
  );
  assertEquals(await said.lpips!.key(), ["hash of w", "hash of l", "alex"]);
  assertEquals(await said.inception!.key(), ["hash of i", preparation]);
  assertEquals(files.log, []);
});

Deno.test("measuresOf() loads LPIPS from its two files and closes them", async () => {
  const drawn = { seed: 3, divisor: 1 } as const;
  const [features, linear] = [perceptualTensors("alex", drawn), linearTensors("alex", drawn)];
  const files = filesOf({ w: features, l: linear });
  const lpips = await measuresOf({ "lpips-weights": "w", "lpips-linear": "l" }, files).lpips!.load();
  assertEquals(files.log, ["open w", "open l", "close l", "close w"]);
  const direct = await openLpips(new ReferenceRuntime(), {
    features: await fileOf(features),
    linear: await fileOf(linear),
  });
  const [x, y] = [randomValues(36 * 40 * 3, 1), randomValues(36 * 40 * 3, 2)];
  const shape = [1, 36, 40, 3] as const;
  const [found] = await lpips.distances(x, y, shape);
  assertEquals(found!.distance, (await direct.distances(x, y, shape))[0]!.distance);
  assert(found!.distance > 0);
});

Deno.test("measuresOf() refuses options of a network that is not named", () => {
  for (const [option, needed] of [["lpips-linear", "lpips-weights"], ["lpips-network", "lpips-weights"]] as const) {
    assertThrows(() => measuresOf({ [option]: "alex" }, filesOf({})), UsageError, `--${option} needs --${needed} FILE`);
  }
  assertThrows(
    () => measuresOf({ preparation: "pytorch" }, filesOf({})),
    UsageError,
    "--preparation needs --inception FILE",
  );
});
