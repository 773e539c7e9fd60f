import { assertEquals, assertThrows } from "@std/assert";
import { BENCH_SPEC, type BenchOptions, benchOptions } from "../../bench/options.ts";
import { NETWORKS } from "../../bench/networks.ts";
import { UsageError } from "../../parameters/mod.ts";
import { helpText, readCommandLine } from "../../io/mod.ts";

function parsed(...words: string[]): BenchOptions {
  const line = readCommandLine(BENCH_SPEC, words);
  if (line === "help") throw new Error("help was not asked for");
  return benchOptions(line.values);
}

Deno.test("without options every network is measured at its own size and batches, and the kernels are", () => {
  const { runs, kernels, json, record, tuned, check } = parsed();
  const listed = runs.map(({ network, batch, height, width }) => `${network} ${batch} ${height}x${width}`);
  assertEquals(listed, ["tiny 1 32x32", "tiny 4 32x32", "prior 1 64x64", "prior 4 64x64", "unet-64 1 64x64"]);
  const switches = { kernels, json, record, tuned, check };
  assertEquals(switches, { kernels: true, json: false, record: true, tuned: true, check: false });
  assertEquals(parsed("--no-tuned").tuned, false);
});

Deno.test("networks, batches and a size are combined", () => {
  const { runs, kernels } = parsed("--network", "prior,tiny", "--batch", "1,2", "--size", "32x64", "--runs", "3");
  assertEquals(kernels, false);
  assertEquals(runs, [
    { network: "prior", batch: 1, height: 32, width: 64, samples: 3 },
    { network: "prior", batch: 2, height: 32, width: 64, samples: 3 },
    { network: "tiny", batch: 1, height: 32, width: 64, samples: 3 },
    { network: "tiny", batch: 2, height: 32, width: 64, samples: 3 },
  ]);
});

Deno.test("--kernels measures the kernels alone, or beside the networks that are named", () => {
  assertEquals(parsed("--kernels").runs, []);
  assertEquals(parsed("--kernels").kernels, true);
  assertEquals(parsed("--kernels", "--network", "tiny").runs.length, 2);
});

Deno.test("--check measures what the bounds speak of", () => {
  const { runs, kernels, check } = parsed("--check", "--no-record", "--runs", "5");
  assertEquals({ kernels, check }, { kernels: false, check: true });
  assertEquals(runs, [{ network: "unet-64", batch: 1, height: 64, width: 64, samples: 5 }]);
});

Deno.test("--precision and --model say what is loaded and how", () => {
  assertEquals(parsed("--network", "tiny", "--batch", "1", "--precision", "f16").runs, [
    { network: "tiny", batch: 1, height: 32, width: 32, samples: 7, precision: "f16" },
  ]);
  const { runs, kernels } = parsed("--model", "folder/some.model.safetensors", "--size", "256", "--runs", "1");
  assertEquals(kernels, false);
  assertEquals(runs, [{
    network: "some.model",
    file: "folder/some.model.safetensors",
    batch: 1,
    height: 256,
    width: 256,
    samples: 1,
  }]);
});

const WRONG: Readonly<Record<string, readonly [words: string[], message: string]>> = {
  "an unknown option": [["--netwrok", "tiny"], 'no option "--netwrok"'],
  "an argument": [["tiny"], 'it was given "tiny"'],
  "an unknown network": [["--network", "tiny,huge"], '--network is "huge"'],
  "a name of an object's own": [["--network", "toString"], '--network is "toString"'],
  "a batch of 0": [["--batch", "0"], '--batch is "0"'],
  "a fraction of a run": [["--runs", "1.5"], '--runs is "1.5"'],
  "a missing value": [["--batch"], "--batch has no value"],
  "an option twice": [["--runs", "5", "--runs", "6"], "--runs was given 2 times"],
  "a size of three numbers": [["--size", "1x2x3"], '--size is "1x2x3"'],
  "a size that is no number": [["--size", "bigx64"], '--size is "big"'],
  "an unknown precision": [["--precision", "f8"], '--precision is "f8", one of f32, f16 is needed'],
  "a model without a size": [["--model", "a.safetensors"], "--model takes the place of --network and needs --size"],
  "a model and a network": [["--model", "a", "--size", "64", "--network", "tiny"], "takes the place of --network"],
  "--check with a precision": [["--check", "--precision", "f16"], "leave out --network"],
  "--check with another network": [["--check", "--network", "tiny"], "leave out --network"],
};

for (const [what, [words, message]] of Object.entries(WRONG)) {
  Deno.test(`bench refuses ${what}`, () => {
    assertThrows(() => parsed(...words), UsageError, message);
  });
}

Deno.test("the help text names every network", () => {
  assertEquals(readCommandLine(BENCH_SPEC, ["--help"]), "help");
  const missing = Object.keys(NETWORKS).filter((name) => !helpText(BENCH_SPEC).includes(`  ${name} `));
  assertEquals(missing, []);
});

Deno.test("--gradients measures what gradients cost, alone", () => {
  const { runs, kernels, algorithms, gradients } = parsed("--gradients");
  assertEquals([runs.length, kernels, algorithms, gradients], [0, false, false, true]);
  for (const words of [["--gradients", "--check"], ["--gradients", "--batch", "2"], ["--gradients", "--algorithms"]]) {
    assertThrows(() => parsed(...words), UsageError, "--gradients measures two networks");
  }
});

Deno.test("--algorithms measures convolutions alone, on request without subgroups", () => {
  const { runs, kernels, algorithms, withoutSubgroups } = parsed("--algorithms");
  assertEquals([runs.length, kernels, algorithms, withoutSubgroups], [0, false, true, false]);
  assertEquals(parsed("--algorithms", "--no-subgroups").withoutSubgroups, true);
  for (const words of [["--algorithms", "--kernels"], ["--algorithms", "--check"], ["--no-subgroups"]]) {
    assertThrows(() => parsed(...words), UsageError, "--algorithms");
  }
});
