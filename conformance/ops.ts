/** Files of kind `ops`: single operations and whole blocks, each on its own recorded input. */
import { constant, type DeviceTensor, hostTensor, type Runtime, type Shape, type Tensor } from "../engine/mod.ts";
import {
  attention,
  averagePool,
  bilinearResize,
  conv2d,
  gradient,
  groupNorm,
  linear,
  matmul,
  reshape,
  sampleDot,
  silu,
  softmax,
  upsampleNearest,
} from "../kernels/mod.ts";
import {
  ddpmTimestepTable,
  embeddingProjections,
  guidedTimestepTable,
  repackParameter,
  residualBlock,
  withStatistics,
} from "../models/mod.ts";
import { findings } from "./findings.ts";
import {
  channelsLast,
  type ReferenceFile,
  type Settings,
  shapeChannelsLast,
  type StoredTensor,
} from "./reference_file.ts";
import { type Finding, NotSupportedError, type Values } from "./row.ts";

const LIMIT = 1e-5;

/** Cases that are ill conditioned: a mean far above the spread, one dominant logit, phases near 1000. */
const LOOSE_LIMIT = 1e-4;

/** One case of the file: its attributes and its tensors, the fields of its name. */
interface Case {
  readonly settings: Settings;
  /** Shape of the stored result; undefined if the file has none. */
  readonly resultShape: Shape | undefined;
  /** Shape of a stored parameter; undefined if the case has none of that name. */
  shape(field: string): Shape | undefined;
  /** A stored parameter as a constant, weights repacked as the kernels want them. */
  parameter(field: string): Tensor;
  /** Elements of a stored parameter in the order of the file. */
  data(field: string): Float32Array;
}

/** An operation by what the metadata call it. */
interface Operation {
  readonly pattern: RegExp;
  /** Whether input and result are rows in the order of the file; otherwise dimension 1 counts channels. */
  readonly rows?: true;
  /** Records the operation. */
  record(x: Tensor, use: Case): Tensor;
}

const OPERATIONS: readonly Operation[] = [
  { pattern: /^conv2d\b/, record: recordConvolution },
  { pattern: /^group ?norm/, record: recordGroupNorm },
  { pattern: /^silu$/, rows: true, record: (x) => silu(x) },
  { pattern: /^qkv attention/, record: recordAttention },
  { pattern: /^x \+ proj_out\(attention\(norm\(x\)\)\)/, record: recordAttentionBlock },
  { pattern: /^ResBlock$/, record: recordResidualBlock },
  { pattern: /^nearest/, record: (x, use) => upsampleNearest(x, ratio(resultExtents(use)[0], x.shape[1])) },
  { pattern: /^bilinear/, record: (x, use) => bilinearResize(x, ...resultExtents(use)) },
  { pattern: /^avg pool/, record: (x, use) => averagePool(x, poolSize(x, use)) },
  { pattern: /^linear$/, rows: true, record: (x, use) => linear(x, use.parameter("weight"), optional(use, "bias")) },
  { pattern: /^softmax/, rows: true, record: (x) => softmax(x) },
];

/**
 * Runs every case on its input and compares the result.
 * @param runtime where the operations run
 * @param file of kind `ops`
 */
export async function* verifyOps(runtime: Runtime, file: ReferenceFile): AsyncGenerator<Finding, void> {
  const cases = file.metadata.settings("cases");
  for (const name of Object.keys(cases.values)) {
    const settings = cases.settings(name);
    const isEmbedding = settings.text("op", "") === "timestep embedding";
    yield* isEmbedding ? verifyEmbedding(file, name, settings) : verifyCase(runtime, file, name, settings);
  }
}

async function* verifyCase(
  runtime: Runtime,
  file: ReferenceFile,
  name: string,
  settings: Settings,
): AsyncGenerator<Finding, void> {
  const parameters = file.names(/./).filter((tensor) => tensor.startsWith(`${name}.`));
  file.declareInputs(new RegExp(`^${RegExp.escape(name)}\\.(?!(y|gx)$)`));
  const limit = /offset|peaked/.test(name) && !/softmax/.test(name) ? LOOSE_LIMIT : LIMIT;
  const run = async (
    quantity: string,
    fields: readonly string[],
    body: (inputs: Readonly<Record<string, Tensor>>, record: (x: Tensor) => Tensor) => Tensor,
  ): Promise<ReadonlyMap<string, Values>> => {
    const operation = operationOf(settings);
    const use = await readCase(file, name, parameters, settings);
    const inputs: Record<string, DeviceTensor> = {};
    for (const field of fields) {
      const stored = operation.rows
        ? await file.read(`${name}.${field}`)
        : await file.readChannelsLast(`${name}.${field}`);
      inputs[field] = runtime.upload(stored.data, stored.shape);
    }
    const stage = runtime.stage<string, never, "result">(
      quantity,
      (tensors) => ({ result: body(tensors, (x) => operation.record(x, use)) }),
    );
    const { result } = await stage(inputs, {});
    const found = { data: await result.read(), shape: result.shape };
    Object.values(inputs).forEach((tensor) => tensor.free());
    return new Map([[quantity, operation.rows ? asStored(found) : found]]);
  };
  const [result, gradientOfX] = [`${name}.y`, `${name}.gx`];
  yield* findings(file, [{ quantity: result, limit }], () => run(result, ["x"], ({ x }, record) => record(x!)));
  if (!file.has(gradientOfX)) return;
  yield* findings(
    file,
    [{ quantity: gradientOfX, limit }],
    () => run(gradientOfX, ["x", "gy"], ({ x, gy }, record) => gradient(sampleDot(record(x!), gy!), [x!])[0]!),
  );
}

/** Rows as the comparison expects them, which takes dimension 1 for the channels and puts it last. */
function asStored(values: Values): Values {
  return values.shape.length < 3 ? values : {
    data: channelsLast(values.data, values.shape),
    shape: shapeChannelsLast(values.shape),
  };
}

function operationOf(settings: Settings): Operation {
  const text = settings.text("op");
  const operation = OPERATIONS.find(({ pattern }) => pattern.test(text));
  if (!operation) throw new NotSupportedError(`the engine has no operation "${text}"`);
  return operation;
}

async function readCase(
  file: ReferenceFile,
  name: string,
  fields: readonly string[],
  settings: Settings,
): Promise<Case> {
  const tensors = new Map<string, StoredTensor>();
  for (const tensor of fields) {
    const field = tensor.slice(name.length + 1);
    if (!/^(x|y|gx|gy)$/.test(field)) tensors.set(field.replaceAll("__", "."), await file.preview(tensor));
  }
  const stored = (field: string): StoredTensor => {
    const tensor = tensors.get(field);
    const stored = `${name}.${field.replaceAll(".", "__")}`;
    if (!tensor) throw new TypeError(`Cannot run "${name}": the file has no tensor "${stored}"`);
    file.use(stored);
    return tensor;
  };
  return {
    settings,
    resultShape: file.shape(`${name}.y`),
    shape: (field) => tensors.get(field)?.shape,
    data: (field) => stored(field).data,
    parameter: (field) => packed(stored(field)),
  };
}

/** A parameter as the kernels want it: convolution weights [KH, KW, I, O], matrices [I, O]. */
function packed({ data, shape }: StoredTensor): Tensor {
  const layout = shape.length === 4 ? "convolution" : shape.length === 1 ? "plain" : "matrix";
  const parameter = repackParameter(data, { shape, layout });
  return constant(hostTensor(parameter.data, parameter.shape));
}

/** The same for a 1 x 1 convolution that runs as a matrix product. */
function matrix(data: Float32Array, shape: Shape): Tensor {
  const parameter = repackParameter(data, { shape: shape.slice(0, 2), layout: "matrix" });
  return constant(hostTensor(parameter.data, parameter.shape));
}

function optional(use: Case, field: string): Tensor | undefined {
  return use.shape(field) ? use.parameter(field) : undefined;
}

/** Height and width of the stored result. */
function resultExtents({ resultShape }: Case): readonly [number, number] {
  if (resultShape?.length !== 4) throw new TypeError("Cannot tell the size of the result: [N, C, H, W] is needed");
  return [resultShape[2]!, resultShape[3]!];
}

function ratio(larger: number | undefined, smaller: number | undefined): number {
  return (larger ?? 0) / (smaller ?? 0);
}

/** Side of the blocks that are averaged: what the metadata say, or else what the sizes show. */
function poolSize(x: Tensor, use: Case): number {
  const named = /(\d+)x\1\b/.exec(use.settings.text("op"))?.[1];
  return named ? Number(named) : Math.floor(ratio(x.shape[1], resultExtents(use)[0]));
}

function recordConvolution(x: Tensor, use: Case): Tensor {
  const padding = use.settings.number("padding", 0);
  const far = padding + use.settings.number("asym_pad_right_bottom", 0);
  const bias = optional(use, "bias");
  return conv2d(x, use.parameter("weight"), {
    stride: use.settings.number("stride", 1),
    padding: { top: padding, left: padding, bottom: far, right: far },
    ...(bias ? { bias } : {}),
  });
}

function recordGroupNorm(x: Tensor, use: Case): Tensor {
  return groupNorm(x, use.parameter("weight"), use.parameter("bias"), {
    groups: use.settings.number("groups", 32),
    eps: use.settings.number("eps", 1e-5),
    silu: /silu/.test(use.settings.text("op")),
    ...(use.shape("scale") ? { modulation: modulation(use) } : {}),
  });
}

/** Scale and shift [N, C] each, side by side [N, 2C]. */
function modulation(use: Case): Tensor {
  const [batch, channels] = use.shape("scale") as [number, number];
  const joined = new Float32Array(2 * batch * channels);
  for (const [half, field] of ["scale", "shift"].entries()) {
    const data = use.data(field);
    for (let n = 0; n < batch; n++) {
      joined.set(data.subarray(n * channels, (n + 1) * channels), (2 * n + half) * channels);
    }
  }
  return constant(hostTensor(joined, [batch, 2 * channels]));
}

function recordAttention(x: Tensor, use: Case): Tensor {
  const text = use.settings.text("op");
  const order = ["legacy", "new"].find((name) => text.includes(`${name} order`));
  if (!order) throw new NotSupportedError(`the engine has no attention "${text}"`);
  return attention(x, { heads: use.settings.number("heads"), order: order === "new" ? "new" : "legacy" });
}

/** The attention block of the DDPM network: q, k and v of their own 1 x 1 convolutions, one head. */
function recordAttentionBlock(x: Tensor, use: Case): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const tokens = reshape(x, [batch, height * width, channels]);
  const normalized = groupNorm(tokens, use.parameter("norm.weight"), use.parameter("norm.bias"), {
    groups: use.settings.number("groups", 32),
    eps: use.settings.number("eps", 1e-6),
  });
  const joined = (part: string): Float32Array =>
    Float32Array.from(["q", "k", "v"].flatMap((name) => Array.from(use.data(`${name}.${part}`))));
  const bias = constant(hostTensor(joined("bias"), [3 * channels]));
  const qkv = matmul(normalized, matrix(joined("weight"), [3 * channels, channels]), { bias });
  const mixed = attention(qkv, { heads: 1, order: "new" });
  const projection = matrix(use.data("proj_out.weight"), [channels, channels]);
  return reshape(matmul(mixed, projection, { bias: use.parameter("proj_out.bias"), residual: tokens }), x.shape);
}

function recordResidualBlock(x: Tensor, use: Case): Tensor {
  const embedding = hostTensor(use.data("emb"), use.shape("emb")!);
  const outputChannels = use.shape("in_layers.2.weight")?.[0] ?? x.shape[3]!;
  const resample = (["up", "down"] as const).find((direction) => use.settings.flag(direction, false)) ?? "none";
  const parameters = (field: string): Tensor => use.parameter(field);
  const projections = embeddingProjections(constant(embedding), ["emb_layers.1"], parameters);
  return residualBlock([withStatistics(x)], projections.get("emb_layers.1")!, parameters, {
    outputChannels,
    scaleShiftNorm: use.settings.flag("use_scale_shift_norm", false),
    resample,
  }).x;
}

/** Tables of sinusoids by family: `<case>.guided.<width>` and `<case>.ddpm.<width>` of the timesteps `<case>.t`. */
const EMBEDDINGS = { guided: guidedTimestepTable, ddpm: ddpmTimestepTable } as const;

async function* verifyEmbedding(
  file: ReferenceFile,
  name: string,
  settings: Settings,
): AsyncGenerator<Finding, void> {
  const timesteps = settings.text("x", `${name}.t`);
  file.declareInputs(new RegExp(`^${RegExp.escape(timesteps)}$`));
  for (const quantity of file.names(/\.(guided|ddpm)\.\d+$/).filter((tensor) => tensor.startsWith(`${name}.`))) {
    const [family, width] = quantity.split(".").slice(-2) as [keyof typeof EMBEDDINGS, string];
    yield* findings(file, [{ quantity, limit: LOOSE_LIMIT }], async () => {
      return new Map([[quantity, EMBEDDINGS[family](await file.readNumbers(timesteps), Number(width))]]);
    });
  }
}
