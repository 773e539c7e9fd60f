/** PyTorch: the case as a program of its operations, which a Python process runs on all processors. */
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { randomParameters } from "../random_weights.ts";
import { caseInput, caseWeight, imageExtents, type PeerCase, resultExtents, timestepRow } from "./cases.ts";
import { outputsFirst, transposed } from "./layout.ts";
import { type Peer, PeerMissingError, type PreparedCase, PYTHON } from "./peer.ts";
import { EPSILON, GROUPS, walkUnet } from "./unet_walk.ts";

/** A value of a program: a tensor, or the result of an operation. */
interface Value {
  readonly of: string;
}

type Tensor = readonly [
  name: string,
  shape: readonly number[],
  data: Float32Array,
];

/** Operations by name, each with the name of its result and its arguments. */
type Operation = readonly [
  name: string,
  result: string,
  ...args: readonly (Value | string | number)[],
];

/**
 * Starts Python.
 * @param folder where programs and results are exchanged
 * @throws {PeerMissingError} if there is no Python that has PyTorch
 */
export async function openTorch(folder: string): Promise<Peer> {
  const python = await findPython();
  const child = new Deno.Command(python, {
    args: [new URL("./torch_peer.py", import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = createInterface({
    input: Readable.fromWeb(child.stdout as never),
  })[Symbol.asyncIterator]();
  const ask = async (
    request: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>> => {
    await writer.write(
      new TextEncoder().encode(`${JSON.stringify(request)}\n`),
    );
    const { value, done } = await lines.next();
    if (done) throw new Error("Cannot go on with PyTorch: its process ended");
    return JSON.parse(value);
  };
  return {
    device: `${python}, ${cpus().length} threads`,
    features: [],
    version: await versionOf(python),
    prepare: async (which): Promise<PreparedCase> => {
      const [program, result] = [
        `${folder}/program.bin`,
        `${folder}/torch.f32`,
      ];
      await Deno.writeFile(program, programOf(which));
      await ask({ load: program });
      const [height, width, channels] = resultExtents(which);
      return {
        run: async () => {
          await ask({ run: true });
          return new Float32Array();
        },
        result: async () => {
          await ask({ read: result });
          return new Float32Array((await Deno.readFile(result)).buffer);
        },
        channelsLast: (data) => which.kind === "matmul" ? data : transposed(data, channels, height * width),
      };
    },
    close: () => child.kill(),
  };
}

async function findPython(): Promise<string> {
  for (const python of PYTHON) if (await versionOf(python)) return python;
  throw new PeerMissingError(
    `no Python among ${PYTHON.join(", ")} has PyTorch; install it with pip install torch`,
  );
}

/** The version of PyTorch that a Python has; empty without one. */
async function versionOf(python: string): Promise<string> {
  try {
    const args = ["-c", "import torch; print(torch.__version__)"];
    const { success, stdout } = await new Deno.Command(python, {
      args,
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** The bytes of a program: a line of JSON, then its tensors. */
export function programOf(which: PeerCase): Uint8Array<ArrayBuffer> {
  const { ops, tensors } = operationsOf(which);
  const header = {
    threads: cpus().length,
    ops,
    tensors: tensors.map(([name, shape]) => [name, shape]),
  };
  const line = new TextEncoder().encode(`${JSON.stringify(header)}\n`);
  const count = tensors.reduce((sum, [, , data]) => sum + data.length, 0);
  const bytes = new Uint8Array(line.length + 4 * count);
  bytes.set(line);
  let at = line.length;
  for (const [, , data] of tensors) {
    bytes.set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      at,
    );
    at += data.byteLength;
  }
  return bytes;
}

function operationsOf(
  which: PeerCase,
): { readonly ops: readonly Operation[]; readonly tensors: readonly Tensor[] } {
  const [height, width, channels] = imageExtents(which);
  if (which.kind === "matmul") {
    return {
      ops: [["matmul", "y", { of: "x" }, { of: "w" }]],
      tensors: [["x", [height, width], caseInput(which)], [
        "w",
        [width, width],
        caseWeight(which),
      ]],
    };
  }
  const x: Tensor = [
    "x",
    [1, channels, height, width],
    transposed(caseInput(which), height * width, channels),
  ];
  if (which.kind === "convolution") {
    const weight = outputsFirst(caseWeight(which), channels, channels);
    return {
      ops: [["convolution", "y", { of: "x" }, "conv"]],
      tensors: [x, ["conv.weight", [channels, channels, 3, 3], weight]],
    };
  }
  const { config } = which;
  const tensors: Tensor[] = [x, [
    "row",
    [1, config.modelChannels],
    timestepRow(config),
  ]];
  for (const { name, parameter, data } of randomParameters(config)) {
    tensors.push([name, parameter.shape, new Float32Array(data)]);
  }
  const ops: Operation[] = [];
  const record = (
    name: string,
    ...args: readonly (Value | string | number)[]
  ): Value => {
    const of = `v${ops.length}`;
    ops.push([name, of, ...args]);
    return { of };
  };
  walkUnet<Value>(
    config,
    {
      convolution: (image, name) => record("convolution", image, name),
      linear: (rows, name) => record("linear", rows, name),
      norm: (image, name, modulation) =>
        record(
          "norm",
          image,
          name,
          GROUPS,
          EPSILON,
          ...modulation ? [modulation] : [],
        ),
      silu: (image) => record("silu", image),
      add: (a, b) => record("add", a, b),
      concat: (a, b) => record("concat", a, b),
      halve: (image) => record("halve", image),
      double: (image) => record("double", image),
      attention: (image, name, heads) => record("attention", image, name, heads, GROUPS, EPSILON),
    },
    { of: "x" },
    { of: "row" },
  );
  return { ops, tensors };
}
