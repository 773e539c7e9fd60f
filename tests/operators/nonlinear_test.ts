/** Degradations that are not linear, against formulas, and their gradients. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  elementCount,
  hostTensor,
  ReferenceRuntime,
  type Runtime,
  type Tensor,
  type Tensors,
} from "../../engine/mod.ts";
import {
  addNoise,
  createDegradation,
  estimate,
  isLinear,
  NONLINEAR_OPERATORS,
  type Operator,
  type OperatorOptions,
  OPERATORS,
  project,
  type Projectable,
  pullBack,
  smearingLights,
} from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const CASES = Array.from(
  NONLINEAR_OPERATORS,
  ([name, { examples }]) => examples.map((example) => ({ name, ...example })),
)
  .flat();

async function applied(
  runtime: Runtime,
  map: (x: Tensor) => Tensor,
  values: Float32Array,
  shape: readonly number[],
): Promise<Float32Array> {
  const stage = runtime.stage<"x", never, "y">("map", ({ x }) => ({ y: map(x) }));
  const count = values.length / elementCount(shape);
  const result = (await stage({ x: runtime.upload(values, [count, ...shape]) }, {})).y;
  return await result.read();
}

/** A x on the CPU. */
async function measured(operator: Operator, x: Float32Array): Promise<Float32Array> {
  return await applied(new ReferenceRuntime(), (x) => operator.forward(x), x, operator.imageShape);
}

function built(name: string, shape: readonly number[], options: OperatorOptions = {}): Operator {
  return createDegradation(name, shape, options);
}

function images(operator: Operator, seed: number, count = 2): Float32Array {
  return randomValues(count * elementCount(operator.imageShape), seed);
}

/** <d A(x)/dx direction, y> by pullBack, and by central differences of the map. */
async function slopes(operator: Operator, step: number): Promise<readonly [pulled: number, difference: number]> {
  const [x, direction] = [images(operator, 3, 1), images(operator, 4, 1)];
  const y = randomValues(elementCount(operator.measurementShape), 5);
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage<"x" | "y", never, "g">("gradient", ({ x, y }) => ({
    g: pullBack((x) => operator.forward(x), x, y),
  }));
  const inputs = {
    x: runtime.upload(x, [1, ...operator.imageShape]),
    y: runtime.upload(y, [1, ...operator.measurementShape]),
  };
  const gradient = await (await stage(inputs, {})).g.read();
  const moved = (by: number): Promise<Float32Array> =>
    measured(operator, x.map((value, i) => value + by * direction[i]!));
  const [up, down] = [await moved(step), await moved(-step)];
  const inner = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return [inner(gradient, direction), inner(up.map((value, i) => (value - down[i]!) / (2 * step)), y)];
}

Deno.test("no name is in both registers, and every degradation that is not linear says what it is", () => {
  for (const [name, { about, examples }] of NONLINEAR_OPERATORS) {
    assert(!OPERATORS.has(name) && about.length > 0 && examples.length > 0, name);
    for (const { imageShape, options } of examples) assert(!isLinear(built(name, imageShape, options)), name);
  }
});

Deno.test("hdr clips twice the picture, and its gradient stops where it is clipped", async () => {
  const operator = built("hdr", [4, 5, 3]);
  const x = images(operator, 1);
  const y = await measured(operator, x);
  assertEquals(y, x.map((value) => Math.min(1, Math.max(-1, 2 * value))));
  assert(y.some((value) => value === 1) && y.some((value) => Math.abs(value) < 1));
});

Deno.test("the nearest picture that clips to a photo is the photo's, and at least white or at most black where it is", async () => {
  const runtime = new ReferenceRuntime();
  for (const [options, gains] of [[{}, [2, 2, 2]], [{ exposures: [2, 3, 1.5] }, [2, 3, 1.5]]] as const) {
    const operator = built("hdr", [4, 5, 3], options);
    const [x, truth] = [images(operator, 1, 1), images(operator, 2, 1)];
    const y = await measured(operator, truth);
    const stage = runtime.stage("project", (inputs: Tensors<"x" | "y">) => {
      const nearest = project(operator as Projectable, inputs.x, inputs.y);
      return { nearest, again: operator.forward(nearest) };
    });
    const inputs = { x: runtime.upload(x, [1, 4, 5, 3]), y: runtime.upload(y, [1, 4, 5, 3]) };
    const { nearest, again } = await stage(inputs, {});
    const found = await nearest.read();
    (await again.read()).forEach((value, i) => assertAlmostEquals(value, y[i]!, 1e-5));
    found.forEach((value, i) => {
      const middle = "exposures" in options ? -1 : 0;
      const told = (y[i]! - middle) / gains[i % 3]! + middle;
      const expected = y[i] === 1 ? Math.max(x[i]!, told) : y[i] === -1 ? Math.min(x[i]!, told) : told;
      assertAlmostEquals(value, expected, 1e-5, `${i}: ${x[i]} at ${y[i]}`);
    });
    assert(y.some((value) => value === 1));
  }
});

Deno.test("phase_retrieval gives the magnitudes of the frequencies of the picture with borders", async () => {
  const operator = built("phase_retrieval", [8, 16, 1], { oversample: 2 });
  const [rows, columns] = operator.measurementShape as [number, number, number];
  assertEquals([rows, columns], [12, 24]);
  const x = images(operator, 2, 1);
  const y = await measured(operator, x);
  for (const [p, q] of [[6, 12], [0, 0], [7, 3], [11, 23]] as const) {
    let [re, im] = [0, 0];
    x.forEach((value, i) => {
      const angle = -2 * Math.PI * ((p - 6) * Math.floor(i / 16) / rows + (q - 12) * (i % 16) / columns);
      re += value * Math.cos(angle);
      im += value * Math.sin(angle);
    });
    const expected = Math.hypot(re, im) / Math.sqrt(rows * columns);
    assert(Math.abs(y[p * columns + q]! - expected) < 1e-5, `${p}, ${q}: ${y[p * columns + q]}, not ${expected}`);
  }
});

Deno.test("jpeg is the compression that measurement noise applies, whatever the size", async () => {
  for (const [shape, quality] of [[[16, 32, 3], 60], [[13, 21, 3], 20], [[24, 8, 1], 5]] as const) {
    const operator = built("jpeg", shape, { quality });
    const x = images(operator, 6);
    const noise = addNoise(hostTensor(x, [2, ...shape]), { kind: "jpeg", quality }, [1, 2]);
    const y = await measured(operator, x);
    // f32 may round a coefficient that lies half way to the other side.
    const far = y.filter((value, i) => Math.abs(value - noise.data[i]!) > 1e-4).length;
    assert(far <= 64, `${far} of ${y.length} values differ`);
    assert(relativeError(y, x) > 0.05);
  }
});

Deno.test("the gradient of jpeg goes straight through the rounding: at every quality it is that of the best", async () => {
  const pulled = async (quality: number): Promise<Float32Array> => {
    const operator = built("jpeg", [16, 16, 3], { quality });
    // Small enough that nothing is clamped.
    const x = images(operator, 7).map((value) => 0.2 * value);
    return await applied(new ReferenceRuntime(), (x) => pullBack((x) => operator.forward(x), x, x), x, [16, 16, 3]);
  };
  const best = await pulled(100);
  assert(Math.hypot(...best) > 1);
  const error = relativeError(await pulled(40), best);
  assert(error < 1e-5, `error ${error}`);
});

Deno.test("the network that smears lights is the formula it stands for", async () => {
  const shape = [12, 14, 1];
  const operator = built("deblur_network", shape, { network: { layers: smearingLights(1).layers }, seed: 1 });
  const bright = await measured(operator, new Float32Array(12 * 14).fill(0.6));
  // Kernels of sum 1 leave a flat picture as it is.
  assert(bright.every((value) => Math.abs(value - 0.6) < 1e-5));
  const dot = (level: number): Float32Array => {
    const x = new Float32Array(12 * 14).fill(-1);
    x[6 * 14 + 7] = level;
    return x;
  };
  const far = 2 * 14 + 3;
  const [dark, light] = [await measured(operator, dot(-0.9)), await measured(operator, dot(1))];
  assert(dark[6 * 14 + 7]! > -1 && light[6 * 14 + 7]! < 1);
  // A dot alone stays below the threshold after smearing, a field of light does not.
  assert(dark[far]! < -0.99999 && light[far]! < -0.99999);
  const half = Float32Array.from({ length: 12 * 14 }, (_, i) => i % 14 < 7 ? 1 : -1);
  const blurred = await measured(operator, half);
  assert(blurred[6 * 14 + 3]! < 0.99 && blurred[6 * 14]! > blurred[6 * 14 + 5]!);
});

Deno.test("the code of a blur network is drawn once, by the seed", async () => {
  const of = async (seed: number): Promise<Float32Array> => {
    const operator = built("deblur_network", [12, 14, 3], { seed });
    const x = images(operator, 9, 1);
    const twice = await measured(operator, Float32Array.from([...x, ...x]));
    assertEquals(twice.slice(0, x.length), twice.slice(x.length));
    assertEquals(twice.slice(0, x.length), await measured(operator, x));
    return twice;
  };
  assertEquals(await of(1), await of(1));
  assert(relativeError(await of(2), await of(1)) > 1e-3);
});

Deno.test("the gradients of maps without jumps are those that differences show", async () => {
  const smooth = CASES.filter(({ name }) => name === "phase_retrieval" || name === "deblur_network");
  for (const { name, imageShape, options } of smooth) {
    const [pulled, difference] = await slopes(built(name, imageShape, options), 1e-3);
    assert(Math.abs(pulled - difference) < 2e-2 * Math.abs(difference), `${name}: ${pulled}, ${difference}`);
  }
});

Deno.test("an estimate is a picture, and that of a linear operator is A^+ y", async () => {
  for (const { name, imageShape, options } of CASES) {
    const operator = built(name, imageShape, options);
    const y = await measured(operator, images(operator, 10));
    const picture = await applied(new ReferenceRuntime(), (y) => estimate(operator, y), y, operator.measurementShape);
    assertEquals(picture.length, 2 * elementCount(imageShape), name);
    assert(picture.every(Number.isFinite), name);
  }
  const linear = built("sr_average", [4, 4, 1], { scale: 2 });
  const picture = await applied(new ReferenceRuntime(), (y) => estimate(linear, y), Float32Array.of(1, 2, 3, 4), [
    2,
    2,
    1,
  ]);
  assertEquals(picture, Float32Array.of(1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4));
});

gpuTest("degradations that are not linear, and their gradients, are the same on the GPU", async (gpu) => {
  for (const { name, imageShape, options } of CASES) {
    const operator = built(name, imageShape, options);
    const x = images(operator, 11).map((value) => 0.4 * value);
    for (const runtime of [gpu]) {
      const forward = await applied(runtime, (x) => operator.forward(x), x, imageShape);
      const expected = await measured(operator, x);
      // A coefficient of JPEG that lies half way may round to the other side.
      assert(relativeError(forward, expected) <= (name === "jpeg" ? 2e-2 : 1e-5), name);
      const pull = (x: Tensor): Tensor => pullBack((x) => operator.forward(x), x, operator.forward(x));
      const pulled = await applied(runtime, pull, x, imageShape);
      const reference = await applied(new ReferenceRuntime(), pull, x, imageShape);
      assert(relativeError(pulled, reference) <= (name === "jpeg" ? 2e-2 : 1e-4), `gradient of ${name}`);
    }
  }
});

Deno.test("parameters out of range and networks that do not fit are refused, naming what is needed", () => {
  const refused = (name: string, options: OperatorOptions, part: string): void => {
    assertThrows(() => built(name, [8, 8, 3], options), Error, part);
  };
  refused("hdr", { gain: 0 }, "gain is 0, a number within 0.01..100 is needed");
  refused("hdr", { quality: 3 }, 'there is no parameter "quality"; its parameters are gain');
  refused("jpeg", { quality: 0 }, "a number within 1..100 is needed");
  refused("phase_retrieval", { oversample: 9 }, "a number within 0..8 is needed");
  refused("deblur_network", { network: { layers: [] } }, "as many as the picture has, 3, is needed");
  refused("deblur_network", { network: smearingLights(1) }, "f32 [odd, odd, 3 or more, channels] is needed");
  const [first, last] = smearingLights(3).layers;
  refused("deblur_network", { network: { layers: [first!, first!] } }, "the weight of layer 1 is f32 [9, 9, 4, 9]");
  refused("deblur_network", { network: { layers: [first!, { ...last!, bias: first!.bias }] } }, "the bias of layer 1");
  refused("sharpen", {}, "hdr, jpeg, deblur_network, phase_retrieval is needed");
});
