import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";

/** Runs an assertion that must fail and returns its message; throws a plain error where it holds. */
function failure(assertion: () => void): string {
  try {
    assertion();
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
  throw new Error("the assertion held");
}

async function asyncFailure(assertion: () => Promise<unknown>): Promise<string> {
  try {
    await assertion();
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
  throw new Error("the assertion held");
}

class Point {
  constructor(readonly x: number, readonly y: number) {}
}

const EQUAL: [string, unknown, unknown][] = [
  ["0 and -0", 0, -0],
  ["NaN and NaN", NaN, NaN],
  ["0 and -0 inside an array", [0], [-0]],
  ["0 and -0 inside a typed array", new Float32Array([0, NaN]), new Float32Array([-0, NaN])],
  ["a null prototype and a plain object", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["nested objects in another key order", { a: [1, { b: 2 }], c: 3 }, { c: 3, a: [1, { b: 2 }] }],
  ["sets of objects in another order", new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 2 }, { a: 1 }])],
  ["maps in another order", new Map([["a", [1]], ["b", [2]]]), new Map([["b", [2]], ["a", [1]]])],
  ["instances of one class", new Point(1, 2), new Point(1, 2)],
  ["dates", new Date(5), new Date(5)],
  ["expressions", /a/g, /a/g],
  ["array buffers", new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
];

const DIFFERENT: [string, unknown, unknown][] = [
  ["1 and 2", 1, 2],
  ["1 and '1'", 1, "1"],
  ["null and undefined", null, undefined],
  ["an absent key and an undefined one", { a: undefined }, {}],
  ["two keys of the same count", { a: undefined }, { b: undefined }],
  ["arrays of other lengths", [1], [1, 2]],
  ["an array with a hole and one with undefined", new Array(1), [undefined]],
  ["arrays with one hole and with two", new Array(1), new Array(2)],
  ["an array and a typed array", [1], new Float32Array([1])],
  ["typed arrays of two kinds", new Uint8Array([1]), new Int8Array([1])],
  ["an instance and a plain object", new Point(1, 2), { x: 1, y: 2 }],
  ["sets with members repeated by value", new Set([{ a: 1 }, { a: 1 }]), new Set([{ a: 1 }, { a: 2 }])],
  ["maps with other values", new Map([["a", 1]]), new Map([["a", 2]])],
  ["errors with other messages", new Error("a"), new Error("b")],
  ["dates", new Date(5), new Date(6)],
  ["expressions with other flags", /a/g, /a/i],
  ["array buffers", new Uint8Array([1, 2]).buffer, new Uint8Array([1, 3]).buffer],
  ["objects with other symbol values", { [Symbol.for("s")]: 1 }, { [Symbol.for("s")]: 2 }],
];

for (const [name, a, b] of EQUAL) {
  Deno.test(`assertEquals() takes ${name} as equal`, () => {
    assertEquals(a, b);
    assertEquals(b, a);
    failure(() => assertNotEquals(a, b));
  });
}

for (const [name, a, b] of DIFFERENT) {
  Deno.test(`assertEquals() tells ${name} apart`, () => {
    failure(() => assertEquals(a, b));
    failure(() => assertEquals(b, a));
    assertNotEquals(a, b);
  });
}

Deno.test("assertEquals() compares values that contain themselves", () => {
  const ring = (value: number): unknown[] => {
    const list: unknown[] = [value];
    list.push(list);
    return list;
  };
  assertEquals(ring(1), ring(1));
  failure(() => assertEquals(ring(1), ring(2)));
});

Deno.test("assertEquals() names the first differing index of typed arrays", () => {
  const a = new Float32Array([1, 2, 3, 4]);
  const b = new Float32Array([1, 2, 5, 6]);
  assertStringIncludes(failure(() => assertEquals(a, b)), "first difference at index 2: actual 3, expected 5");
  assertStringIncludes(
    failure(() => assertEquals(a, a.slice(0, 3))),
    "first difference at index 3: actual 4, expected undefined, lengths 4 and 3",
  );
});

Deno.test("assertEquals() lists the difference of objects and repeats the message", () => {
  const text = failure(() => assertEquals({ steps: 3 }, { steps: 4 }, "after respacing"));
  assertMatch(text, /after respacing[^]*\+ +steps: 3[^]*- +steps: 4/);
});

Deno.test("assert(), fail() and assertExists() throw an AssertionError", () => {
  assert(1);
  assertExists(0);
  assertStrictEquals(failure(() => assert("", "empty")), "empty");
  assertStringIncludes(failure(() => fail("never")), "never");
  assertStringIncludes(failure(() => assertExists(null)), "null");
  failure(() => assertExists(undefined));
});

Deno.test("assertStrictEquals() compares by Object.is", () => {
  const list = [1];
  assertStrictEquals<unknown>(list, list);
  assertStrictEquals(NaN, NaN);
  failure(() => assertStrictEquals(0, -0));
  failure(() => assertStrictEquals([1], [1]));
});

Deno.test("assertAlmostEquals() uses an absolute tolerance, 1e-7 of the expected value by default", () => {
  assertAlmostEquals(1 + 0.9e-7, 1);
  assertAlmostEquals(-1e6 - 0.09, -1e6);
  assertAlmostEquals(3.1, 3, 0.11);
  assertAlmostEquals(NaN, NaN);
  assertAlmostEquals(Infinity, Infinity);
  failure(() => assertAlmostEquals(1 + 1.1e-7, 1));
  failure(() => assertAlmostEquals(3.1, 3, 0.09));
  failure(() => assertAlmostEquals(NaN, 1, 1e9));
  failure(() => assertAlmostEquals(1e-9, 0));
});

Deno.test("assertGreater() and its siblings order their arguments", () => {
  assertGreater(2, 1);
  assertGreaterOrEqual(2, 2);
  assertLess(1, 2);
  assertLessOrEqual(2, 2);
  failure(() => assertGreater(2, 2));
  failure(() => assertGreaterOrEqual(1, 2));
  failure(() => assertLess(2, 2));
  failure(() => assertLessOrEqual(3, 2));
  failure(() => assertLess(NaN, 2));
});

Deno.test("assertMatch(), assertStringIncludes() and assertInstanceOf() name what was found", () => {
  assertMatch("conv2d.gemm", /^conv2d\./);
  assertStringIncludes("conv2d.gemm", "gemm");
  assertInstanceOf(new RangeError("a"), Error);
  assertStringIncludes(failure(() => assertMatch("conv", /x/)), '"conv"');
  assertStringIncludes(failure(() => assertStringIncludes("conv", "x")), '"conv"');
  assertStringIncludes(failure(() => assertInstanceOf(new Error("a"), RangeError)), 'was "Error"');
});

Deno.test("assertThrows() returns the error and checks class and message", () => {
  const raise = (): never => {
    throw new RangeError("steps must be positive");
  };
  assertStrictEquals(assertThrows(raise, RangeError, "positive").message, "steps must be positive");
  assertThrows(raise);
  assertThrows(raise, Error);
  assertStringIncludes(failure(() => assertThrows(() => 1, RangeError)), "to throw");
  assertStringIncludes(failure(() => assertThrows(raise, TypeError)), "steps must be positive");
  assertStringIncludes(failure(() => assertThrows(raise, RangeError, "negative")), "steps must be positive");
  const text = failure(() =>
    assertThrows(() => {
      throw "text";
    }, Error)
  );
  assertStringIncludes(text, "non-Error");
});

Deno.test("assertRejects() returns the error and refuses a synchronous throw", async () => {
  const raise = (): Promise<never> => Promise.reject(new RangeError("steps must be positive"));
  const error = await assertRejects(raise, RangeError, "positive");
  assertStrictEquals(error.message, "steps must be positive");
  await assertRejects(raise);
  assertStringIncludes(await asyncFailure(() => assertRejects(() => Promise.resolve(1))), "to reject");
  assertStringIncludes(await asyncFailure(() => assertRejects(raise, TypeError)), "steps must be positive");
  assertStringIncludes(await asyncFailure(() => assertRejects(raise, RangeError, "negative")), "steps must be");
  assertStringIncludes(
    await asyncFailure(() =>
      assertRejects(() => {
        throw new RangeError("early");
      }, RangeError)
    ),
    "throws when expected to reject",
  );
});
