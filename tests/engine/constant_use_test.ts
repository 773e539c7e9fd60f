import { assertEquals } from "@std/assert";
import { hostTensor, ReferenceRuntime } from "../../engine/mod.ts";
import { ConstantUse } from "../../engine/webgpu/constants.ts";

Deno.test("an array of the host is let go when the last of the stages that read it is no more", () => {
  const use = new ConstantUse();
  const [one, other] = [1, 2].map((value) => hostTensor(Float32Array.of(value), [1])) as [
    ReturnType<typeof hostTensor>,
    ReturnType<typeof hostTensor>,
  ];
  const unused: unknown[] = [];
  const stop = use.onUnused((source, number) => unused.push([source === one ? "one" : "other", number]));
  const numbers = [use.numberOf(one), use.numberOf(other), use.numberOf(one)];
  assertEquals(numbers, [0, 1, 0]);
  use.begin([one, other]);
  use.begin([one]);
  use.end([one, other]);
  assertEquals(unused, [["other", 1]]);
  use.end([one]);
  assertEquals(unused, [["other", 1], ["one", 0]]);
  assertEquals(use.numberOf(one), 2, "a number is not used again");
  stop();
  use.begin([one]);
  use.end([one]);
  assertEquals(unused.length, 2);
});

Deno.test("tensors of the device are their owner's, whoever reads them", () => {
  const use = new ConstantUse();
  const uploaded = new ReferenceRuntime().upload(Float32Array.of(1), [1]);
  const unused: unknown[] = [];
  use.onUnused((source) => unused.push(source));
  use.begin([uploaded]);
  use.end([uploaded]);
  assertEquals(unused, []);
});
