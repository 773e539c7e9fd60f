/** The dense example of conjugate gradients that a file of DDS may hold. */
import { constant, hostTensor, type Tensor, type Tensors } from "../../engine/mod.ts";
import { linear, sub, weightedSum } from "../../kernels/mod.ts";
import { conjugateGradients } from "../../samplers/mod.ts";
import { valuesOf } from "./method.ts";
import type { RecordedRun } from "./posterior.ts";

/** `cg.x.n`: n iterations for (I + gamma A^T A) x = b from `cg.x0`, with the matrix `cg.A`. */
export async function solveExample({ runtime, file, config, uploads, wanted, states }: RecordedRun): Promise<void> {
  const quantities = [...wanted].filter((quantity) => /^cg\.x\.\d+$/.test(quantity));
  if (quantities.length === 0) return;
  const { data, shape: [rows, columns] } = await file.read("cg.A");
  const transposed = Float32Array.from(data, (_, i) => data[(i % rows!) * columns! + Math.floor(i / rows!)]!);
  const [a, at] = [hostTensor(data, [rows!, columns!]), hostTensor(transposed, [columns!, rows!])];
  const [b, start] = [uploads.add(await file.read("cg.b")), uploads.add(await file.read("cg.x0"))];
  const apply = (x: Tensor): Tensor =>
    weightedSum([[1, x], [config.number("gamma"), linear(linear(x, constant(at)), constant(a))]]);
  for (const quantity of quantities) {
    const iterations = Number(quantity.split(".").at(-1));
    const stage = runtime.stage(`example ${iterations}`, ({ b, start }: Tensors<"b" | "start">) => ({
      x: conjugateGradients(apply, { start, residual: sub(b, apply(start)) }, { iterations }),
    }));
    states.set(quantity, await valuesOf((await stage({ b, start }, {})).x));
    stage.release();
  }
}
