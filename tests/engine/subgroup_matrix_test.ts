/** Which products of small matrices are read off an adapter, and that its device is asked for them. */
import { assertEquals } from "@std/assert";
import { openDevice } from "../../engine/webgpu/device.ts";
import { PipelineCache } from "../../engine/webgpu/pipelines.ts";
import { type SubgroupMatrixConfig, subgroupMatrixOf } from "../../engine/webgpu/subgroup_matrix.ts";

const NEEDED = ["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"];
const ALL = [...NEEDED, "subgroup-size-control"];

function config(M: number, N: number, K: number, componentType = "f16", result = "f32"): SubgroupMatrixConfig {
  return { M, N, K, componentType, resultComponentType: result };
}

Deno.test("the largest product of f16 factors and f32 sums is taken, of the smallest subgroups", () => {
  const offered = [
    config(16, 16, 16, "u8", "u32"),
    config(16, 16, 16, "f16", "f16"),
    config(8, 8, 8),
    config(16, 8, 16),
  ];
  const card = { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: offered };
  const found = { rows: 16, columns: 8, inner: 16, lanes: 32, asksForLanes: false };
  assertEquals(subgroupMatrixOf(card, NEEDED), found);
  const varied = { ...card, subgroupMaxSize: 64 };
  assertEquals(subgroupMatrixOf(varied, ALL), { ...found, asksForLanes: true });
  assertEquals(subgroupMatrixOf(varied, NEEDED), undefined, "it cannot be asked for 32 invocations");
});

Deno.test("without a product of whole tiles, or a feature that it needs, an adapter has none", () => {
  const card = { subgroupMinSize: 32, subgroupMaxSize: 32 };
  assertEquals(subgroupMatrixOf(card, ALL), undefined);
  assertEquals(subgroupMatrixOf({ ...card, subgroupMatrixConfigs: [config(16, 16, 12)] }, ALL), undefined);
  assertEquals(subgroupMatrixOf({ ...card, subgroupMatrixConfigs: [config(32, 32, 32)] }, ALL), undefined);
  for (const feature of NEEDED) {
    const rest = ALL.filter((name) => name !== feature);
    assertEquals(subgroupMatrixOf({ ...card, subgroupMatrixConfigs: [config(8, 8, 8)] }, rest), undefined, feature);
  }
});

/** A provider of one adapter that lists features; its devices note the modules that they are given. */
function listing(
  features: readonly string[],
  modules: string[] = [],
  least = 8,
): { readonly gpu: GPU; readonly asked: string[][] } {
  const asked: string[][] = [];
  const device = {
    limits: {},
    lost: new Promise(() => {}),
    addEventListener: () => {},
    destroy: () => {},
    pushErrorScope: () => {},
    popErrorScope: () => Promise.resolve(null),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createComputePipeline: () => ({}),
    createShaderModule: ({ code }: GPUShaderModuleDescriptor) => modules.push(code),
  };
  const adapter = {
    info: { description: "card", subgroupMinSize: least, subgroupMaxSize: 8, subgroupMatrixConfigs: [config(8, 8, 8)] },
    limits: {},
    features: new Set(features),
    requestDevice({ requiredFeatures = [] }: GPUDeviceDescriptor): Promise<unknown> {
      asked.push([...requiredFeatures]);
      return Promise.resolve(device);
    },
  };
  return { gpu: { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU, asked };
}

Deno.test("subgroup matrices are asked for where the adapter lists them, and only there", async () => {
  const usual = ["subgroups", "shader-f16", "timestamp-query"];
  const plain = listing(["subgroups"]);
  assertEquals((await openDevice({ gpu: plain.gpu })).profile.subgroupMatrix, undefined);
  assertEquals(plain.asked, [usual]);
  const cards = listing(["subgroups", ...ALL]);
  const { profile } = await openDevice({ gpu: cards.gpu });
  assertEquals(profile.subgroupMatrix, { rows: 8, columns: 8, inner: 8, lanes: 8, asksForLanes: false });
  assertEquals(cards.asked, [[...usual, "chromium-experimental-subgroup-matrix", "subgroup-size-control"]]);
  const useless = await openDevice({ gpu: listing(NEEDED, [], 4).gpu });
  assertEquals([useless.profile.subgroupMatrix, useless.features], [undefined, usual], "its size cannot be asked for");
});

Deno.test("a module begins with the directives of what it uses", async () => {
  const modules: string[] = [];
  const opened = await openDevice({ gpu: listing(["subgroups", ...ALL], modules).gpu });
  const text = "alias Left = subgroup_matrix_left<f16, 8, 8>; subgroupMatrixLoad @subgroup_size(8)";
  const rest = { label: "", bindings: [], usesScalars: false, workgroups: [1, 1, 1] } as const;
  await new PipelineCache(opened).compile([{ ...rest, wgsl: text }, { ...rest, wgsl: "vec4f()" }]);
  assertEquals(modules, [
    `enable f16;\nenable chromium_experimental_subgroup_matrix;\nenable subgroup_size_control;\nenable subgroups;\n${text}`,
    "vec4f()",
  ]);
});
