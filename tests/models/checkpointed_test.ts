/** Networks whose gradients compute the inside of their blocks again. */
import { assert, assertEquals } from "@std/assert";
import { trace } from "../../engine/mod.ts";
import { gradient, sampleDot } from "../../kernels/mod.ts";
import { FAMILIES, type Network, noiseModel, noiseSchedule, respacedSchedule } from "../../models/mod.ts";
import { shapesOnly } from "../../models/network_cost.ts";

const NETWORKS = {
  UNetModel: {
    image_size: 8,
    in_channels: 3,
    model_channels: 32,
    out_channels: 3,
    num_res_blocks: 1,
    attention_resolutions: [2],
    channel_mult: [1, 1],
  },
  Model: {
    ch: 32,
    out_ch: 3,
    ch_mult: [1, 1],
    num_res_blocks: 1,
    attn_resolutions: [4],
    dropout: 0,
    in_channels: 3,
    resolution: 8,
    resamp_with_conv: true,
  },
};

function networkOf(name: keyof typeof NETWORKS): Network {
  const family = FAMILIES.values().find(({ classes }) => classes.includes(name))!;
  const plan = family.plan({ class: name, ...NETWORKS[name] });
  return plan.build(shapesOnly(plan.parameters));
}

for (const name of ["UNetModel", "Model"] as const) {
  Deno.test(`the gradient of ${name} computes its blocks again where that is asked for, and only there`, () => {
    const scopesAgain = (checkpoint: boolean): ReadonlySet<string> => {
      const model = noiseModel(networkOf(name), noiseSchedule("linear"), { checkpoint });
      const types = { x: { shape: [1, 8, 8, 3], dtype: "f32" as const } };
      const graph = trace("gradient", types, ({ x }) => {
        const eps = model.predictEps(x!, 3);
        return { dx: gradient(sampleDot(eps, eps), [x!])[0]! };
      });
      return new Set(graph.calls.filter(({ recomputation }) => recomputation).map(({ scope }) => scope));
    };
    assertEquals(scopesAgain(false).size, 0);
    assert(scopesAgain(true).size > 4, [...scopesAgain(true)].join());
  });
}

Deno.test("a network of a respaced schedule is given the timesteps of its training", () => {
  const asked: (readonly number[])[] = [];
  const network = networkOf("UNetModel");
  const timestepTable = (timesteps: ArrayLike<number>): ReturnType<typeof network.timestepTable> => {
    asked.push(Array.from(timesteps));
    return network.timestepTable(timesteps);
  };
  noiseModel({ ...network, timestepTable }, respacedSchedule(noiseSchedule("linear"), [0, 499, 999]), {
    levels: "training",
  });
  assertEquals(asked, [[0, 499, 999]]);
});
