/** Elements of every item in another order, some left out or zero, and the adjoint. */
import {
  constant,
  constantSource,
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  type Op,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, movedBytes } from "../operands.ts";
import type { None } from "../pointwise/pointwise.ts";
import { elementwise } from "../text/wgsl.ts";

/** Index that stands for no element: the result is 0 there. */
export const NO_ELEMENT = 0xffffffff;

/** Definition of `gatherElements`. */
export const gatherElementsOp: Op<None> = defineOp<None>({
  name: "gatherElements",
  infer(inputs): readonly TensorType[] {
    const [x, index] = inputs;
    if (inputs.length !== 2 || x?.dtype !== "f32" || index?.dtype !== "u32" || x.shape.length < 1) {
      throw new TypeError(
        `Cannot build gatherElements: ${inputs.map(({ dtype }) => dtype).join(" and ") || "nothing"} was given, ` +
          `x (f32, [N, ...]) and index (u32) are needed`,
      );
    }
    return [f32([x.shape[0]!, ...index.shape])];
  },
  reference({ inputs }, [x, bits]): readonly Float32Array[] {
    const index = new Uint32Array(bits!.buffer, bits!.byteOffset, bits!.length);
    const size = elementCount(inputs[0]!.shape.slice(1));
    const y = new Float32Array(inputs[0]!.shape[0]! * index.length);
    for (let i = 0; i < y.length; i++) {
      const at = index[i % index.length]!;
      y[i] = at < size ? x![Math.floor(i / index.length) * size + at]! : 0;
    }
    return [y];
  },
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    const [x, index] = [inputs[0]!, inputs[1]!];
    return [
      elementwise("gatherElements", target, {
        read: { x, index },
        write: { y: outputs[0]! },
        params: { size: elementCount(x.shape.slice(1)), period: elementCount(index.shape) },
        body: `let item = i / params.period;
let at = index[i - item * params.period];
y[i] = select(0.0, x[item * params.size + min(at, params.size - 1u)], at < params.size);`,
      }),
    ];
  },
  vjp: ({ inputs: [x, index] }, [dy]) => [scatterElements(dy!, index!, x!.shape)],
  cost: (call) => ({ flops: 0, bytes: 2 * movedBytes({ inputs: [], outputs: call.outputs }) }),
  examples: [
    { inputs: [[3, 5], hostTensor(Uint32Array.of(4, NO_ELEMENT, 0, 0, 3, 1, 5), [7])], attrs: {} },
    {
      inputs: [[2, 4, 9, 2], hostTensor(Uint32Array.from({ length: 66 }, (_, i) => (i * 37) % 73), [11, 6])],
      attrs: {},
    },
  ],
});

/**
 * Elements of every item by their place: y[n, i] = x[n, index[i]], where x and i are counted in row-major order; 0 where
 * the index is past the last element, such as `NO_ELEMENT`.
 * @param x [N, ...], f32
 * @param index any shape, u32
 * @returns [N, ...index.shape]
 * @throws {TypeError} if an element type is another one
 */
export function gatherElements(x: Tensor, index: Tensor): Tensor {
  return gatherElementsOp([x, index], {})[0]!;
}

/** For every element the places that gather it: those of element j are places[starts[j]], ..., places[starts[j + 1] - 1]. */
interface Places {
  readonly starts: HostTensor;
  readonly places: HostTensor;
}

/** Sorted once for each table of places and number of elements; a table that nobody holds is forgotten. */
const known = new WeakMap<object, Map<number, Places>>();

function placesOf(index: HostTensor, size: number): Places {
  const sizes = known.get(index) ?? new Map<number, Places>();
  known.set(index, sizes);
  const found = sizes.get(size);
  if (found) return found;
  const starts = new Uint32Array(size + 1);
  for (const at of index.data) if (at < size) starts[at + 1]!++;
  for (let j = 0; j < size; j++) starts[j + 1]! += starts[j]!;
  const next = starts.slice();
  const places = new Uint32Array(Math.max(1, starts[size]!));
  index.data.forEach((at, place) => {
    if (at < size) places[next[at]!++] = place;
  });
  const made = { starts: hostTensor(starts, [size + 1]), places: hostTensor(places, [places.length]) };
  sizes.set(size, made);
  return made;
}

/** Definition of `scatterElements`: of x [N, ...], starts and places the items of a shape. */
export const scatterElementsOp: Op<{ readonly shape: Shape }> = defineOp<{ readonly shape: Shape }>({
  name: "scatterElements",
  infer(inputs, { shape }): readonly TensorType[] {
    const [x, starts, places] = inputs;
    const fits = inputs.length === 3 && x?.dtype === "f32" && starts?.dtype === "u32" && places?.dtype === "u32" &&
      x.shape.length >= 1 && elementCount(starts.shape) === elementCount(shape) + 1;
    if (!fits) {
      throw new TypeError(
        `Cannot build scatterElements: the inputs are ${
          inputs.map((t) => `${t.dtype} ${formatShape(t.shape)}`).join()
        }, ` +
          `x (f32, [N, ...]), starts (u32, one more than the ${elementCount(shape)} elements of an item) and places ` +
          `(u32) are needed`,
      );
    }
    return [f32([x!.shape[0]!, ...shape])];
  },
  reference({ inputs, attrs: { shape } }, [x, ...tables]): readonly Float32Array[] {
    const [starts, places] = tables.map((bits) => new Uint32Array(bits.buffer, bits.byteOffset, bits.length));
    const size = elementCount(shape);
    const images = inputs[0]!.shape[0]!;
    const pitch = x!.length / images;
    return [
      Float32Array.from({ length: images * size }, (_, i) => {
        const [item, element] = [Math.floor(i / size), i % size];
        let sum = 0;
        for (let k = starts![element]!; k < starts![element + 1]!; k++) sum += x![item * pitch + places![k]!]!;
        return sum;
      }),
    ];
  },
  // Mapping: an invocation sums what belongs to one element, in the order of the places.
  lower({ inputs: [x, starts, places], outputs, attrs: { shape } }, target): readonly Dispatch[] {
    return [
      elementwise("scatterElements", target, {
        read: { x: x!, starts: starts!, places: places! },
        write: { y: outputs[0]! },
        params: { size: elementCount(shape), pitch: elementCount(x!.shape.slice(1)) },
        body: `let item = i / params.size;
let j = i - item * params.size;
var sum = 0.0;
for (var k = starts[j]; k < starts[j + 1u]; k += 1u) { sum += x[item * params.pitch + places[k]]; }
y[i] = sum;`,
      }),
    ];
  },
  vjp({ inputs: [x, starts, places] }, [dy]): readonly Tensor[] {
    const [first, order] = [constantSource(starts!), constantSource(places!)];
    if (!first || !order || !("data" in first) || !("data" in order)) {
      throw new TypeError("Cannot differentiate scatterElements: its tables must be constants from the host");
    }
    return [gatherElements(dy!, constant(gatheringOf(first, order, x!.shape.slice(1))))];
  },
  cost: (call) => ({ flops: elementCount(call.inputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    {
      inputs: [
        [3, 7],
        hostTensor(Uint32Array.of(0, 2, 3, 3, 4, 5), [6]),
        hostTensor(Uint32Array.of(2, 3, 5, 4, 0), [5]),
      ],
      attrs: { shape: [5] },
    },
    {
      inputs: [
        [2, 3, 4],
        hostTensor(Uint32Array.of(0, 0, 12, 12, 12), [5]),
        hostTensor(Uint32Array.from({ length: 12 }, (_, i) => (5 * i) % 12), [12]),
      ],
      attrs: { shape: [2, 2] },
    },
  ],
});

/** Tables of places back from sorted ones, so that each is made once. */
const gatherings = new WeakMap<object, HostTensor>();

function gatheringOf(starts: HostTensor, places: HostTensor, shape: Shape): HostTensor {
  const found = gatherings.get(places);
  if (found && elementCount(found.shape) === elementCount(shape)) return found;
  const index = new Uint32Array(elementCount(shape)).fill(NO_ELEMENT);
  for (let j = 0; j + 1 < starts.data.length; j++) {
    for (let k = starts.data[j]!; k < starts.data[j + 1]!; k++) index[places.data[k]!] = j;
  }
  const made = hostTensor(index, shape);
  gatherings.set(places, made);
  return made;
}

/**
 * Elements of every item added up at their places, the adjoint of `gatherElements`:
 * y[n, j] = sum over i with index[i] = j of x[n, i]. The sums have a fixed order.
 * @param x [N, ...index.shape], f32
 * @param index u32, a constant of the trace that is made from numbers on the host
 * @param shape [N, ...] of the result
 * @returns that shape
 * @throws {TypeError} if index is no such constant, or the shapes do not fit
 */
export function scatterElements(x: Tensor, index: Tensor, shape: Shape): Tensor {
  const source = constantSource(index);
  if (!source || !("data" in source)) {
    throw new TypeError(
      `Cannot build scatterElements: the index ${formatShape(index.shape)} is computed or lies on the device, ` +
        `a constant from the host is needed; use constant(hostTensor(...))`,
    );
  }
  const { starts, places } = placesOf(source, elementCount(shape.slice(1)));
  return scatterElementsOp([x, constant(starts), constant(places)], { shape: shape.slice(1) })[0]!;
}
