import { assert, assertEquals } from "@std/assert";
import { verifyOperations } from "../../conformance/mod.ts";
import { type DeviceTensor, ReferenceRuntime, type Shape } from "../../engine/mod.ts";
import { OPERATIONS } from "../support/operations.ts";

Deno.test("every operation has a row, and the reference agrees with itself", async () => {
  const rows = await Array.fromAsync(verifyOperations(new ReferenceRuntime()));
  assertEquals(rows.map(({ quantity }) => quantity), OPERATIONS.map(({ definition }) => definition.name));
  for (const { quantity, status, error } of rows) assertEquals([status, error], ["ok", 0], quantity);
});

/** Takes all numbers to be a little larger than they are. */
class Inexact extends ReferenceRuntime {
  override upload(data: Float32Array<ArrayBuffer>, shape: Shape, ...rest: never[]): DeviceTensor {
    return super.upload(data.map((value) => 1.001 * value), shape, ...rest);
  }
}

Deno.test("operations fail on a device that computes something else", async () => {
  const rows = await Array.fromAsync(verifyOperations(new Inexact()));
  const failed = rows.filter(({ status }) => status === "FAILED").map(({ quantity }) => quantity);
  assert(["conv2d", "matmul", "silu", "fourier"].every((name) => failed.includes(name)), failed.join(", "));
});
