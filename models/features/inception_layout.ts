/**
 * Inception v3 (Szegedy et al. 2016) up to its last pool, as data: the network whose features the Frechet distance
 * compares. Names are those of the published PyTorch networks.
 */

/** A convolution without bias, followed by a norm with stored statistics and a rectifier. */
export interface InceptionConvolution {
  readonly kind: "convolution";
  readonly name: string;
  readonly outputs: number;
  readonly height: number;
  readonly width: number;
  readonly stride: number;
  /** Whether zeros around the image keep its size. */
  readonly isPadded: boolean;
}

/** One step; `branches` all see the same image, and their channels follow each other. */
export type InceptionStep =
  | InceptionConvolution
  | { readonly kind: "halve" }
  | { readonly kind: "pool"; readonly reduction: "max" | "mean" | "mean-with-border" }
  | { readonly kind: "branches"; readonly branches: readonly (readonly InceptionStep[])[] };

/** A block with its name; the stem's convolutions are blocks of their own. */
export interface InceptionBlock {
  readonly name: string;
  readonly steps: readonly InceptionStep[];
}

/**
 * `fid`: the network of the TensorFlow graph of 2015, which published Frechet distances use; means leave the border out,
 * and the last block has a max pool. `torchvision`: the network of torchvision, with means that count the border.
 */
export type InceptionVariant = "fid" | "torchvision";

/** Sides of a kernel: one number, or height and width. */
type Sides = number | readonly [height: number, width: number];

function conv(name: string, outputs: number, sides: Sides): InceptionConvolution {
  const [height, width] = typeof sides === "number" ? [sides, sides] : sides;
  return { kind: "convolution", name, outputs, height, width, stride: 1, isPadded: true };
}

function valid(name: string, outputs: number, size: number, stride: number): InceptionConvolution {
  return { ...conv(name, outputs, size), stride, isPadded: false };
}

const HALVE: InceptionStep = { kind: "halve" };

const ROW = [1, 7] as const;
const COLUMN = [7, 1] as const;

/** 35 x 35 pixels: 1x1, 5x5, two 3x3, and a pool. */
function blockA(name: string, pool: InceptionStep, poolFeatures: number): InceptionBlock {
  return branches(name, [
    [conv("branch1x1", 64, 1)],
    [conv("branch5x5_1", 48, 1), conv("branch5x5_2", 64, 5)],
    [conv("branch3x3dbl_1", 64, 1), conv("branch3x3dbl_2", 96, 3), conv("branch3x3dbl_3", 96, 3)],
    [pool, conv("branch_pool", poolFeatures, 1)],
  ]);
}

/** From 35 x 35 to 17 x 17 pixels. */
function blockB(name: string): InceptionBlock {
  return branches(name, [
    [valid("branch3x3", 384, 3, 2)],
    [conv("branch3x3dbl_1", 64, 1), conv("branch3x3dbl_2", 96, 3), valid("branch3x3dbl_3", 96, 3, 2)],
    [HALVE],
  ]);
}

/** 17 x 17 pixels: kernels of 7 x 7 as rows and columns. */
function blockC(name: string, pool: InceptionStep, inner: number): InceptionBlock {
  return branches(name, [
    [conv("branch1x1", 192, 1)],
    [conv("branch7x7_1", inner, 1), conv("branch7x7_2", inner, ROW), conv("branch7x7_3", 192, COLUMN)],
    [
      conv("branch7x7dbl_1", inner, 1),
      conv("branch7x7dbl_2", inner, COLUMN),
      conv("branch7x7dbl_3", inner, ROW),
      conv("branch7x7dbl_4", inner, COLUMN),
      conv("branch7x7dbl_5", 192, ROW),
    ],
    [pool, conv("branch_pool", 192, 1)],
  ]);
}

/** From 17 x 17 to 8 x 8 pixels. */
function blockD(name: string): InceptionBlock {
  return branches(name, [
    [conv("branch3x3_1", 192, 1), valid("branch3x3_2", 320, 3, 2)],
    [
      conv("branch7x7x3_1", 192, 1),
      conv("branch7x7x3_2", 192, ROW),
      conv("branch7x7x3_3", 192, COLUMN),
      valid("branch7x7x3_4", 192, 3, 2),
    ],
    [HALVE],
  ]);
}

/** 8 x 8 pixels: kernels of 3 x 3 as a row beside a column. */
function blockE(name: string, pool: InceptionStep): InceptionBlock {
  const split = (stem: string): InceptionStep => ({
    kind: "branches",
    branches: [[conv(`${stem}a`, 384, [1, 3])], [conv(`${stem}b`, 384, [3, 1])]],
  });
  return branches(name, [
    [conv("branch1x1", 320, 1)],
    [conv("branch3x3_1", 384, 1), split("branch3x3_2")],
    [conv("branch3x3dbl_1", 448, 1), conv("branch3x3dbl_2", 384, 3), split("branch3x3dbl_3")],
    [pool, conv("branch_pool", 192, 1)],
  ]);
}

function branches(name: string, all: readonly (readonly InceptionStep[])[]): InceptionBlock {
  return { name, steps: [{ kind: "branches", branches: all }] };
}

/** The convolution has the name of the block. */
function stem(convolution: InceptionConvolution, ...after: readonly InceptionStep[]): InceptionBlock {
  return { name: convolution.name, steps: [{ ...convolution, name: "" }, ...after] };
}

/** The blocks from the image to the last pool. */
export function inceptionBlocks(variant: InceptionVariant): readonly InceptionBlock[] {
  const mean: InceptionStep = { kind: "pool", reduction: variant === "fid" ? "mean" : "mean-with-border" };
  const last: InceptionStep = { kind: "pool", reduction: variant === "fid" ? "max" : "mean-with-border" };
  return [
    stem(valid("Conv2d_1a_3x3", 32, 3, 2)),
    stem(valid("Conv2d_2a_3x3", 32, 3, 1)),
    stem(conv("Conv2d_2b_3x3", 64, 3), HALVE),
    stem(conv("Conv2d_3b_1x1", 80, 1)),
    stem(valid("Conv2d_4a_3x3", 192, 3, 1), HALVE),
    blockA("Mixed_5b", mean, 32),
    blockA("Mixed_5c", mean, 64),
    blockA("Mixed_5d", mean, 64),
    blockB("Mixed_6a"),
    blockC("Mixed_6b", mean, 128),
    blockC("Mixed_6c", mean, 160),
    blockC("Mixed_6d", mean, 160),
    blockC("Mixed_6e", mean, 192),
    blockD("Mixed_7a"),
    blockE("Mixed_7b", mean),
    blockE("Mixed_7c", last),
  ];
}

/** A convolution of the network with its place in the file and the channels that it reads. */
export interface PlacedConvolution extends InceptionConvolution {
  /** Module name, such as `Mixed_5b.branch1x1`. */
  readonly path: string;
  readonly inputs: number;
}

/** Module name of a convolution in a block. */
export function convolutionPath(block: string, name: string): string {
  return name === "" ? block : `${block}.${name}`;
}

/**
 * All convolutions, in the order of the network.
 * @param blocks the network
 * @param divisor all numbers of channels but the image's are divided by it
 * @returns the convolutions and the channels of the last block
 */
export function inceptionConvolutions(
  blocks: readonly InceptionBlock[],
  divisor: number,
): { readonly convolutions: readonly PlacedConvolution[]; readonly channels: number } {
  const convolutions: PlacedConvolution[] = [];
  const follow = (block: string, steps: readonly InceptionStep[], inputs: number): number =>
    steps.reduce((channels, step) => {
      if (step.kind === "branches") {
        return step.branches.reduce((sum, branch) => sum + follow(block, branch, channels), 0);
      }
      if (step.kind !== "convolution") return channels;
      const outputs = step.outputs / divisor;
      convolutions.push({ ...step, outputs, inputs: channels, path: convolutionPath(block, step.name) });
      return outputs;
    }, inputs);
  const channels = blocks.reduce((inputs, { name, steps }) => follow(name, steps, inputs), 3);
  return { convolutions, channels };
}
