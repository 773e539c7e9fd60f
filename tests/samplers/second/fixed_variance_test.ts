/** Both fixed variances of ancestral steps in SDEdit, CCDF and plain sampling, against the second implementation. */
import { ReferenceRuntime } from "../../../engine/mod.ts";
import { givenNoise, PLAIN_SAMPLERS } from "../../../samplers/mod.ts";
import { assertClose } from "../../support/close.ts";
import {
  ancestral,
  apply,
  deviates,
  predict,
  pseudoInverse,
  SHAPE,
  SIZE,
  spaced,
  sum,
  TIMESTEPS,
  type VarianceKind,
  type Vector,
} from "./gradient_arrays.ts";
import { compare, type Expected, model, PAIRS, type Sample } from "./gradient_runs.ts";

const STEPS = 4;
const KINDS = ["small", "large"] as const;

/** sqrt(a) image + sqrt(1 - a) z at the noisiest level. */
function noised(image: Vector, z: Vector): Vector {
  const { a } = spaced(STEPS)[0]!;
  return sum([Math.sqrt(a), image], [Math.sqrt(1 - a), z]);
}

function sdedit({ y, rows, z }: Sample, repeats: number, kind: VarianceKind): readonly Expected[] {
  let x = pseudoInverse(rows, y);
  return Array.from({ length: repeats }).flatMap((_, pass) => {
    x = noised(x, z(`start.${pass}`));
    return spaced(STEPS).map((at, k) => {
      const made = predict(x, at.t, false);
      x = ancestral(x, at, made, z(`${pass * STEPS + k}`), kind);
      return { x0: made.x0, xt: x };
    });
  });
}

function ccdf({ y, rows, z }: Sample, kind: VarianceKind): readonly Expected[] {
  let x = noised(pseudoInverse(rows, y), z("xT"));
  return spaced(STEPS).map((at, k) => {
    const made = predict(x, at.t, true);
    const moved = ancestral(x, at, made, z(`${k}`), kind);
    const known = sum([Math.sqrt(at.b), y], [Math.sqrt(1 - at.b), apply(rows, z(`known.${k}`))]);
    x = sum([1, moved], [1, pseudoInverse(rows, sum([1, known], [-1, apply(rows, moved)]))]);
    return { x0: made.x0, xt: x };
  });
}

Deno.test("sdedit() and ccdf() take either fixed variance, sdedit() even where the network learns one", async () => {
  const pair = PAIRS.pool;
  for (const fixedVariance of KINDS) {
    const options = { t0: TIMESTEPS, steps: STEPS, fixedVariance };
    for (const learned of [false, true]) {
      await compare({
        name: "sdedit",
        pair,
        learned,
        options: { ...options, repeats: 2 },
        second: (sample) => sdedit(sample, 2, fixedVariance),
      });
      const kind = learned ? "learned" : fixedVariance;
      await compare({ name: "ccdf", pair, learned, options, second: (sample) => ccdf(sample, kind) });
    }
  }
});

Deno.test("ddpm takes the posterior's variance or beta where the network learns none", async () => {
  for (const fixedVariance of [undefined, ...KINDS]) {
    const runtime = new ReferenceRuntime();
    const names = ["start", ...Array.from({ length: STEPS }, (_, k) => `gen.${k}`)];
    const noise = givenNoise(
      new Map(names.map((name) => [name, runtime.upload(Float32Array.from(deviates(name, 0, SIZE)), [1, ...SHAPE])])),
    );
    const setting = { steps: STEPS, clipDenoised: true, noise, ...(fixedVariance ? { fixedVariance } : {}) };
    const run = PLAIN_SAMPLERS.ddpm.sample(runtime, { model: model() }, setting);
    let x = deviates("start", 0, SIZE);
    for (const [k, at] of spaced(STEPS).entries()) {
      x = ancestral(x, at, predict(x, at.t, true), deviates(`gen.${k}`, 0, SIZE), fixedVariance ?? "small");
      const { value } = await run.next() as { readonly value: { readonly xt: { read(): Promise<Float32Array> } } };
      assertClose(await value.xt.read(), x, 1e-5, `${fixedVariance}, step ${k}`);
    }
    await run.return(undefined as never);
  }
});
