/** The guided-diffusion UNet as a walk over its layout, for engines that offer nothing but primitive operations. */
import { type GuidedUnetConfig, guidedUnetLayout, type Layer } from "../../models/mod.ts";

/** Groups of every normalisation. */
export const GROUPS = 32;

/** Added to the variance by every normalisation. */
export const EPSILON = 1e-5;

/** The operations of a network on some engine's tensors; `name` is the module whose `.weight` and `.bias` are used. */
export interface NetworkOps<T> {
  /** A convolution of stride 1 with bias, padded so that the size stays. */
  convolution(x: T, name: string): T;
  /** x W^T + bias of rows. */
  linear(x: T, name: string): T;
  /** Group norm; with `modulation`, [scale, shift] in one row, norm(x) (1 + scale) + shift. */
  norm(x: T, name: string, modulation?: T): T;
  silu(x: T): T;
  add(a: T, b: T): T;
  /** Joins the channels of two images. */
  concat(a: T, b: T): T;
  /** The mean of 2x2 pixels. */
  halve(x: T): T;
  /** Each pixel becomes 2x2. */
  double(x: T): T;
  /** x + proj_out(attention(qkv(norm(x)))) of the module, channels in the order head, q|k|v. */
  attention(x: T, name: string, heads: number): T;
}

/**
 * Runs the network on an engine's operations.
 * @param config an unconditional network with scale-shift norms and resampling residual blocks
 * @param ops the operations
 * @param x the image
 * @param row sinusoid of the timestep
 * @returns the image of noise and variance
 * @throws {RangeError} if the network has a part that the operations cannot express
 */
export function walkUnet<T>(
  config: GuidedUnetConfig,
  ops: NetworkOps<T>,
  x: T,
  row: T,
): T {
  requireExpressible(config);
  const layout = guidedUnetLayout(config);
  const embedding = ops.silu(
    ops.linear(ops.silu(ops.linear(row, "time_embed.0")), "time_embed.2"),
  );
  const runAll = (layers: readonly Layer[], image: T): T =>
    layers.reduce((h, layer) => runLayer(layer, ops, h, embedding), image);
  const skips: T[] = [];
  let h = x;
  for (const { layers } of layout.inputBlocks) {
    h = runAll(layers, h);
    skips.push(h);
  }
  h = runAll(layout.middleBlock.layers, h);
  for (const { layers } of layout.outputBlocks) {
    h = runAll(layers, ops.concat(h, skips.pop()!));
  }
  return ops.convolution(ops.silu(ops.norm(h, "out.0")), "out.2");
}

function runLayer<T>(layer: Layer, ops: NetworkOps<T>, x: T, embedding: T): T {
  const { name } = layer;
  if (layer.kind === "convolution") return ops.convolution(x, name);
  if (layer.kind === "attention") return ops.attention(x, name, layer.heads);
  if (layer.kind !== "residual") {
    throw new RangeError(
      `Cannot walk the network at "${name}": it is a ${layer.kind} layer, a residual one is needed`,
    );
  }
  const resize = (image: T): T =>
    layer.resample === "up" ? ops.double(image) : layer.resample === "down" ? ops.halve(image) : image;
  const hidden = ops.convolution(
    resize(ops.silu(ops.norm(x, `${name}.in_layers.0`))),
    `${name}.in_layers.2`,
  );
  const modulation = ops.linear(embedding, `${name}.emb_layers.1`);
  const activated = ops.silu(
    ops.norm(hidden, `${name}.out_layers.0`, modulation),
  );
  const skip = layer.inputs === layer.outputs ? resize(x) : ops.convolution(resize(x), `${name}.skip_connection`);
  return ops.add(skip, ops.convolution(activated, `${name}.out_layers.3`));
}

function requireExpressible(config: GuidedUnetConfig): void {
  const unsupported = [
    config.numClasses !== undefined && "classes",
    config.superResolution && "a low-resolution image",
    !config.useScaleShiftNorm && "an added embedding",
    config.useNewAttentionOrder && "the newer order of attention channels",
  ].filter((part) => part !== false);
  if (unsupported.length === 0) return;
  throw new RangeError(
    `Cannot walk the network: it has ${unsupported.join(" and ")}, an unconditional network with scale-shift norms ` +
      `and the older order of attention channels is needed`,
  );
}
