import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { elementCount } from "../../engine/mod.ts";
import { guidedUnetParameters } from "../../models/mod.ts";
import { UNET_64 } from "../../bench/networks.ts";
import { caseWeight, PEER_CASES, peerCase } from "../../bench/peers/cases.ts";
import { outputsFirst, transposed } from "../../bench/peers/layout.ts";
import { onnxModel } from "../../bench/peers/onnx_models.ts";
import { OnnxGraph } from "../../bench/peers/onnx_writer.ts";
import { PEERS } from "../../bench/peers/peer.ts";
import { type PeerOptions, peerOptions, PEERS_SPEC } from "../../bench/peers/peer_options.ts";
import { UsageError } from "../../parameters/mod.ts";
import { helpText, readCommandLine } from "../../io/mod.ts";
import { compare, type PeerRow } from "../../bench/peers/peer_row.ts";
import { formatPeerRows } from "../../bench/peers/peer_table.ts";
import { programOf } from "../../bench/peers/torch.ts";
import { type NetworkOps, walkUnet } from "../../bench/peers/unet_walk.ts";
import { KERNEL_CASES } from "../../bench/kernels.ts";
import { NETWORK_ROW } from "./sample_rows.ts";

/** A protocol-buffer message: the values of each field, in order. */
type Fields = Map<number, (bigint | Uint8Array)[]>;

function decode(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Uint8Array => bytes.slice(at, at += length);
  while (at < bytes.length) {
    const tag = Number(varint());
    const kind = tag & 7;
    assert([0, 2, 5].includes(kind), `wire type ${kind}`);
    const value = kind === 0 ? varint() : take(kind === 5 ? 4 : Number(varint()));
    fields.set(tag >> 3, [...fields.get(tag >> 3) ?? [], value]);
  }
  assertEquals(at, bytes.length);
  return fields;
}

const messages = (fields: Fields, field: number): Fields[] =>
  (fields.get(field) ?? []).map((value) => decode(value as Uint8Array));
const texts = (fields: Fields, field: number): string[] =>
  (fields.get(field) ?? []).map((value) => new TextDecoder().decode(value as Uint8Array));
const integers = (fields: Fields, field: number): number[] =>
  (fields.get(field) ?? []).map((value) => Number(BigInt.asIntN(64, value as bigint)));

/** Name and extents of an input or output. */
function valueInfo(fields: Fields): [string | undefined, number[]] {
  const tensor = messages(messages(fields, 2)[0]!, 1)[0]!;
  assertEquals(integers(tensor, 1), [1]);
  return [
    texts(fields, 1)[0],
    messages(messages(tensor, 2)[0]!, 1).map((extent) => integers(extent, 1)[0]!),
  ];
}

function graphOf(file: Uint8Array): Fields {
  const model = decode(file);
  assertEquals(integers(model, 1), [8]);
  assertEquals(
    messages(model, 8).map((set) => [texts(set, 1), integers(set, 2)]),
    [[[""], [17]]],
  );
  return messages(model, 7)[0]!;
}

Deno.test("an ONNX file decodes to the nodes, attributes, constants and shapes that were written", () => {
  const graph = new OnnxGraph("small");
  const x = graph.input("x", [1, 300]);
  const weights = graph.initializer("w", Float32Array.of(1, -2, 0.5), [3]);
  const shape = graph.initializer("shape", BigInt64Array.of(-1n, 300n), [2]);
  const [first, second] = graph.node("Split", [x, "", shape], {
    axis: -1,
    pads: [0, 1, 200],
  }, 2);
  const [last] = graph.node("Norm", [first!, second!, weights], {
    epsilon: { float: 1e-5 },
    mode: "nearest",
  });
  const decoded = graphOf(graph.finish(last!, [2, 150]));
  assertEquals(texts(decoded, 2), ["small"]);
  assertEquals(messages(decoded, 11).map(valueInfo), [["x", [1, 300]]]);
  assertEquals(messages(decoded, 12).map(valueInfo), [[last, [2, 150]]]);

  const [w, s] = messages(decoded, 5);
  assertEquals([texts(w!, 8), integers(w!, 1), integers(w!, 2)], [["w"], [3], [
    1,
  ]]);
  assertEquals(
    new Float32Array((w!.get(9)![0] as Uint8Array).buffer),
    Float32Array.of(1, -2, 0.5),
  );
  assertEquals([texts(s!, 8), integers(s!, 1), integers(s!, 2)], [["shape"], [
    2,
  ], [7]]);
  assertEquals(
    new BigInt64Array((s!.get(9)![0] as Uint8Array).buffer),
    BigInt64Array.of(-1n, 300n),
  );

  const [split, norm] = messages(decoded, 1);
  assertEquals([texts(split!, 4), texts(split!, 1), texts(split!, 2)], [
    ["Split"],
    ["x", "", "shape"],
    [
      first!,
      second!,
    ],
  ]);
  const [axis, pads] = messages(split!, 5);
  assertEquals([texts(axis!, 1), integers(axis!, 3), integers(axis!, 20)], [
    ["axis"],
    [-1],
    [2],
  ]);
  assertEquals([texts(pads!, 1), integers(pads!, 8), integers(pads!, 20)], [
    ["pads"],
    [0, 1, 200],
    [7],
  ]);
  const [epsilon, mode] = messages(norm!, 5);
  const float = new DataView((epsilon!.get(2)![0] as Uint8Array).buffer)
    .getFloat32(0, true);
  assertEquals([texts(epsilon!, 1), float, integers(epsilon!, 20)], [
    ["epsilon"],
    Math.fround(1e-5),
    [1],
  ]);
  assertEquals([texts(mode!, 1), texts(mode!, 4), integers(mode!, 20)], [
    ["mode"],
    ["nearest"],
    [3],
  ]);
});

Deno.test("the network's ONNX file holds every parameter, and every value is there before it is used", () => {
  const graph = graphOf(onnxModel(peerCase("unet-64")));
  const known = new Set(
    messages(graph, 11).map((input) => valueInfo(input)[0]!),
  );
  assertEquals(known, new Set(["x", "timestep_row"]));
  const constants = new Map(
    messages(graph, 5).map((tensor) => [texts(tensor, 8)[0]!, tensor]),
  );
  for (const [name, { shape }] of guidedUnetParameters(UNET_64)) {
    const bytes = constants.get(name)?.get(9)?.[0] as Uint8Array | undefined;
    assertEquals([name, bytes?.length], [name, 4 * elementCount(shape)]);
  }
  constants.forEach((_, name) => known.add(name));
  const used = new Set<string>();
  const counts = new Map<string, number>();
  for (const node of messages(graph, 1)) {
    const operator = texts(node, 4)[0]!;
    counts.set(operator, (counts.get(operator) ?? 0) + 1);
    for (const input of texts(node, 1).filter((name) => name !== "")) {
      assert(known.has(input), `${operator} reads ${input}`);
      used.add(input);
    }
    for (const output of texts(node, 2)) {
      assert(!known.has(output), `${output} is written twice`);
      known.add(output);
    }
  }
  assertEquals([...constants.keys()].filter((name) => !used.has(name)), []);
  const [[result, extents]] = messages(graph, 12).map(valueInfo) as [
    [string, number[]],
  ];
  assert(known.has(result));
  assertEquals(extents, [1, 6, 64, 64]);
  const matrices = [...guidedUnetParameters(UNET_64)].filter(([, { shape }]) => shape.length > 2)
    .length;
  assertEquals([
    counts.get("Conv"),
    counts.get("AveragePool"),
    counts.get("Resize"),
  ], [matrices, 6, 6]);
});

Deno.test("the convolution's ONNX file holds the weight with outputs first", () => {
  const which = peerCase("conv64");
  assert(which.kind === "convolution");
  const weight = messages(graphOf(onnxModel(which)), 5)[0]!;
  assertEquals(integers(weight, 1), [64, 64, 3, 3]);
  const written = new Float32Array((weight.get(9)![0] as Uint8Array).buffer);
  const [output, input, tap] = [5, 17, 7];
  assertEquals(
    written[(output * 64 + input) * 9 + tap],
    caseWeight(which)[(tap * 64 + input) * 64 + output],
  );
});

Deno.test("a program for PyTorch defines every value before it is used, and carries every tensor", () => {
  for (const which of PEER_CASES) {
    const bytes = programOf(which);
    const end = bytes.indexOf("\n".charCodeAt(0));
    const { ops, tensors } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as {
      ops: [name: string, result: string, ...args: (string | number | { of: string })[]][];
      tensors: [name: string, shape: number[]][];
    };
    assertEquals(bytes.length - end - 1, 4 * tensors.reduce((sum, [, shape]) => sum + elementCount(shape), 0));
    const names = tensors.map(([name]) => name);
    const defined = new Set(names);
    for (const [name, result, ...args] of ops) {
      for (const arg of args) if (typeof arg === "object") assert(defined.has(arg.of), `${arg.of} in ${name}`);
      for (const arg of args) if (typeof arg === "string") assert(names.some((own) => own.startsWith(arg)), arg);
      defined.add(result);
    }
  }
});

Deno.test("transposed() and outputsFirst() move every element to its place", () => {
  assertEquals(
    transposed(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3),
    Float32Array.of(1, 4, 2, 5, 3, 6),
  );
  const [inputs, outputs] = [2, 3];
  const data = Float32Array.from({ length: 9 * inputs * outputs }, (_, i) => i);
  const packed = outputsFirst(data, inputs, outputs);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let tap = 0; tap < 9; tap++) {
        assertEquals(
          packed[(o * inputs + i) * 9 + tap],
          (tap * inputs + i) * outputs + o,
        );
      }
    }
  }
});

Deno.test("walkUnet() refuses a network that the peers' operations cannot express", () => {
  const ops = {} as NetworkOps<string>;
  const config = { ...UNET_64, numClasses: 10, useScaleShiftNorm: false };
  assertThrows(
    () => walkUnet(config, ops, "x", "row"),
    RangeError,
    "it has classes and an added embedding",
  );
});

Deno.test("every kernel that is benchmarked is compared, on the same sizes", () => {
  const compared = PEER_CASES.filter(({ kind }) => kind !== "network").map((
    { name },
  ) => name);
  assertEquals(compared, KERNEL_CASES.map(({ name }) => name));
});

const TIMES = {
  peer: [130, 110.6, 120],
  ours: [20.6, 14, 300],
  roundTrips: [10.6, 10, 11],
};

Deno.test("compare() takes the round trip off WebGPU times and leaves those of the CPU", () => {
  const onGpu = compare(TIMES, "webgpu");
  assertEquals([
    onGpu.peerMilliseconds.median,
    onGpu.oursMilliseconds.median,
    onGpu.roundTripMilliseconds,
  ], [
    120,
    20.6,
    10.6,
  ]);
  assertAlmostEquals(onGpu.ratio.withReadback, 120 / 20.6, 1e-12);
  assertAlmostEquals(onGpu.ratio.withoutReadback, 109.4 / 10, 1e-12);
  assertAlmostEquals(compare(TIMES, "wasm").ratio.withoutReadback, 12, 1e-12);
});

function row(which: string, peer: string, backend: "webgpu" | "wasm"): PeerRow {
  const { date, commit, adapter, features, deno, os, cpu, cpus } = NETWORK_ROW;
  const origin = { date, commit, adapter, features, deno, os, cpu, cpus };
  const start = {
    error: 6.2e-7,
    loadMilliseconds: 100,
    firstMilliseconds: 900,
    peakProcessBytes: 5e8,
  };
  return {
    kind: "peer",
    ...origin,
    case: which,
    peer,
    backend,
    ...compare(TIMES, backend),
    ...start,
  };
}

Deno.test("the table of ratios shows the peers case by case", () => {
  const rows = [
    row("conv", "peer 1.0", "webgpu"),
    row("net", "peer 1.0", "webgpu"),
    row("conv", "other 2", "wasm"),
  ];
  const lines = formatPeerRows(rows).split("\n").map((line) => line.split(/ {2,}/));
  assertEquals(lines.slice(1), [
    [
      "conv",
      "peer 1.0 webgpu",
      "120.0",
      "20.6",
      "5.83 x",
      "109.4",
      "10.0",
      "10.9 x",
      "6.2e-7",
    ],
    [
      "conv",
      "other 2 wasm",
      "120.0",
      "20.6",
      "5.83 x",
      "120.0",
      "10.0",
      "12.0 x",
      "6.2e-7",
    ],
    [
      "net",
      "peer 1.0 webgpu",
      "120.0",
      "20.6",
      "5.83 x",
      "109.4",
      "10.0",
      "10.9 x",
      "6.2e-7",
    ],
  ]);
  assertEquals(lines[0]?.length, 9);
});

function parsed(words: readonly string[]): PeerOptions {
  const line = readCommandLine(PEERS_SPEC, words);
  assert(line !== "help");
  return peerOptions(line.values);
}

Deno.test("peers reads cases, peers and runs, and refuses what it does not know", () => {
  const options = parsed([
    "--only",
    "conv64,matmul",
    "--peers",
    "ort-wasm",
    "--runs",
    "3",
    "--no-record",
  ]);
  assertEquals(options.cases.map(({ key }) => key), ["conv64", "matmul"]);
  assertEquals([
    options.peers,
    options.runs,
    options.slow,
    options.json,
    options.record,
  ], [
    ["ort-wasm"],
    3,
    false,
    false,
    false,
  ]);
  const all = parsed([]);
  assertEquals([all.cases, all.peers, all.runs, all.record], [
    PEER_CASES,
    Object.keys(PEERS),
    5,
    true,
  ]);
  for (
    const words of [
      ["--only", "conv"],
      ["--peers", "toString"],
      ["--runs", "0"],
      ["--fast"],
      ["conv64"],
    ]
  ) {
    assertThrows(() => parsed(words), UsageError);
  }
});

Deno.test("the help text names every case and every peer", () => {
  for (
    const word of [...PEER_CASES.map(({ key }) => key), ...Object.keys(PEERS)]
  ) {
    assertStringIncludes(helpText(PEERS_SPEC), word);
  }
});
