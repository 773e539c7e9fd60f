/** Dense matrices of blurs with their pseudo-inverses, of which the cases of operators are made. */
import type { ImagePart, OperatorOptions } from "../../operators/mod.ts";
import * as define from "./definitions.ts";
import { type Dense, dense, product, pseudoInverse, truncated } from "./dense.ts";

const THRESHOLD = 0.03;

/** A that loses its small singular values, and its A^+. */
export function exact(a: Dense, threshold = 0): { readonly a: Dense; readonly inverse: Dense } {
  return { a: threshold > 0 ? truncated(a, threshold) : a, inverse: pseudoInverse(a, threshold) };
}

/** L X R^T whose factors lose their small singular values. */
export function separable(
  left: Dense,
  right: Dense,
  channels: number,
  threshold = THRESHOLD,
): ReturnType<typeof exact> {
  return {
    a: define.separableMatrix(truncated(left, threshold), truncated(right, threshold), channels),
    inverse: define.separableMatrix(pseudoInverse(left, threshold), pseudoInverse(right, threshold), channels),
  };
}

/** A map of every channel that loses its small singular values. */
function channelwise(a: Dense, channels: number, threshold = THRESHOLD): ReturnType<typeof exact> {
  const one = exact(a, threshold);
  return { a: define.everyChannel(one.a, channels), inverse: define.everyChannel(one.inverse, channels) };
}

/** A shape, options, and A with what A^+ is defined as: a matrix, or a number of steps of conjugate gradients. */
export type Built = readonly [
  shape: define.Sides,
  options: OperatorOptions,
  matrices: () => { readonly a: Dense; readonly inverse: Dense | number },
];

/** A blur whose picture is mirrored with its edge pixel. */
export function mirroredPair(
  shape: define.Sides,
  options: OperatorOptions,
  [down, across]: readonly (readonly number[])[],
  threshold = THRESHOLD,
): Built {
  const [height, width, channels] = shape;
  return [shape, options, () =>
    separable(
      define.mirroredBlur(height, down!),
      define.mirroredBlur(width, across ?? down!),
      channels,
      threshold,
    )];
}

/** A blur whose picture goes on at its other side. */
export function wrappedPair(
  shape: define.Sides,
  options: OperatorOptions,
  taps: readonly number[],
  threshold: number,
): Built {
  const factors = (): readonly [
    Dense,
    Dense,
  ] => [define.wrappedBlur(shape[0], taps), define.wrappedBlur(shape[1], taps)];
  return [shape, options, () => separable(...factors(), shape[2], threshold)];
}

/** The rows of a blur in which some pixels are measured, which the kernel does not leave. */
export function openPair(
  shape: define.Sides,
  options: OperatorOptions,
  { down, across = down }: { readonly down: readonly number[]; readonly across?: readonly number[] },
  { top, left, height, width }: ImagePart,
): Built {
  const rows = (n: number, taps: readonly number[], first: number, count: number): Dense => {
    const whole = define.wrappedBlur(n, taps);
    return dense(n, n, (i, j) => i >= first && i < first + count ? whole.data[i * n + j]! : 0);
  };
  return [shape, options, () =>
    separable(
      rows(shape[0], down, top, height),
      rows(shape[1], across, left, width),
      shape[2],
      options.threshold ?? THRESHOLD,
    )];
}

/** A blur as published programs compute it. */
export function published(
  shape: define.Sides,
  options: OperatorOptions,
  taps: readonly number[],
  across = taps,
  threshold = THRESHOLD,
): Built {
  const [height, width, channels] = shape;
  return [shape, options, () => {
    const [left, right] = [define.publishedFactor(height, taps), define.publishedFactor(width, across)];
    if (options.variant === "published_matched") return separable(left, right, channels, threshold);
    return {
      a: define.tiledBlur(left, right, channels, threshold),
      inverse: define.tiledBlur(left, right, channels, threshold, true),
    };
  }];
}

/** A convolution whose picture goes on at its other side, and of it every s-th pixel. */
export function circular(shape: define.Sides, options: OperatorOptions, psf = options.psf!): Built {
  const [height, width, channels] = shape;
  const scale = options.scale ?? 1;
  return [shape, options, () => {
    const blur = define.convolution([height, width], psf, define.wrapped);
    return channelwise(
      product(define.everySth([height, width], scale), blur),
      channels,
      options.threshold ?? THRESHOLD,
    );
  }];
}

/** A convolution whose picture is mirrored, with A^+ by iteration. */
export function reflecting(shape: define.Sides, options: OperatorOptions, psf = options.psf!): Built {
  return [shape, options, () => ({
    a: define.everyChannel(define.convolution([shape[0], shape[1]], psf, define.mirrored), shape[2]),
    inverse: options.iterations!,
  })];
}
