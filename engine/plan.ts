/** Lowering: a graph becomes a fixed list of dispatches on slots. Plain data, made and printed without a GPU. */
import { assignSlots, type Lifetime } from "./arena.ts";
import { DeviceLimitError } from "./errors.ts";
import type { ConstantSource, Graph } from "./graph.ts";
import {
  type Binding,
  boundBytes,
  type Call,
  type DeviceProfile,
  type Dispatch,
  type LayerChoice,
  type OpDef,
  SCALAR_CAPACITY,
  type Target,
} from "./op.ts";
import { orderCalls } from "./order.ts";
import { aliasRoots } from "./simplify.ts";
import { byteLength, formatShape, type Tensor } from "./tensor.ts";

/** A dispatch with what a profile says of it. */
export interface PlannedDispatch extends Dispatch {
  /** Where the call stands in the network or sampler. */
  readonly scope: string;
  /** Floating-point operations: those of the call are counted where they are done, or else at its first dispatch. */
  readonly flops: number;
  /** Least bytes moved of the call, all counted at its first dispatch. */
  readonly bytes: number;
}

/** A call that can be computed by several algorithms. */
export interface PlannedLayer extends LayerChoice {
  /** The call. */
  readonly call: Call;
  /** Key of the choice that this is a part of: it exists only as long as that one stays as it is. */
  readonly partOf?: string;
}

/** Everything that is fixed before a stage runs. */
export interface Plan {
  /** Name of the stage. */
  readonly name: string;
  /** In the order they run. */
  readonly dispatches: readonly PlannedDispatch[];
  /** Tensor id (reshapes resolved by `root`) -> slot; constants have none. */
  readonly slotOf: ReadonlyMap<number, number>;
  /** Size of each slot. */
  readonly slotBytes: readonly number[];
  /** When each value in a slot is first and last touched, by dispatch: inputs from -1, inputs and outputs to the end. */
  readonly lifetimes: readonly Lifetime[];
  /** The tensor whose memory a tensor shares: itself, or what it is a reshape of. */
  root(id: number): number;
  /** What is given at each run, by name. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** What a run gives, by name. */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** The constants in use, by tensor id. */
  readonly constants: ReadonlyMap<number, ConstantSource>;
  /** Calls on constants that kernels asked for; their results are constants of the plan too, computed before it runs. */
  readonly prepared: readonly Call[];
  /** The calls that preferences can be given for, in the order of the plan. */
  readonly layers: readonly PlannedLayer[];
  /** Names of the scalars, in the order of their entries in the uniform of the run. */
  readonly scalars: readonly string[];
}

/**
 * Orders and lowers a graph and assigns slots.
 * @throws {DeviceLimitError} if a tensor, a kernel or the scalars exceed what the device offers
 * @throws {TypeError} if an output is an input or a constant itself
 */
export function makePlan(graph: Graph, profile: DeviceProfile): Plan {
  const root = aliasRoots(graph.calls);
  checkOutputs(graph, root);
  const calls = orderCalls(graph);
  const { dispatches, prepared, layers, scalars } = lowerWithinBudget(graph, calls, { profile, root });
  if (scalars.length > SCALAR_CAPACITY) {
    throw new DeviceLimitError(
      `Cannot plan "${graph.name}": it uses ${scalars.length} scalars, a stage has room for ${SCALAR_CAPACITY}; ` +
        `compute coefficients on the host and pass fewer`,
    );
  }
  const preparedIds = prepared.flatMap((call) => call.outputs.map(({ id }) => id));
  const constantIds = new Set([...graph.constants.keys(), ...preparedIds]);
  const values = lifetimes(graph, dispatches, { root, constantIds });
  const { slotOf, slotBytes } = assignSlots(values);
  const used = new Set(dispatches.flatMap((d) => d.bindings.map((b) => root(b.tensor.id))));
  const constants = new Map([...graph.constants].filter(([id]) => used.has(id)));
  return {
    name: graph.name,
    dispatches,
    slotOf,
    slotBytes,
    lifetimes: values,
    root,
    inputs: graph.inputs,
    outputs: graph.outputs,
    constants,
    prepared,
    layers,
    scalars,
  };
}

/** What kernels asked to have prepared, together with who asked. */
interface Request {
  readonly key: string;
  readonly call: Call;
  readonly bytes: number;
  /** Floating-point operations of the calls that use it. */
  flops: number;
}

interface Lowered {
  readonly dispatches: readonly PlannedDispatch[];
  readonly prepared: readonly Call[];
  readonly layers: readonly PlannedLayer[];
  readonly scalars: readonly string[];
}

/**
 * Lowers all calls. Where they ask for more prepared constants than the profile allows, those are granted that serve
 * the most operations per byte, and the calls are lowered once more without the others; what they ask for instead is
 * granted as far as there is room.
 */
function lowerWithinBudget(
  graph: Graph,
  calls: readonly Call[],
  { profile, root }: { readonly profile: DeviceProfile; readonly root: (id: number) => number },
): Lowered {
  let left = profile.preparedBytes ?? Infinity;
  const all = lowerCalls(graph, calls, { profile, root, isGranted: () => true });
  const decided = new Map<string, boolean>();
  const decide = ({ key, bytes }: Pick<Request, "key" | "bytes">): boolean => {
    const fits = bytes <= left;
    if (fits) left -= bytes;
    decided.set(key, fits);
    return fits;
  };
  all.requests.toSorted((a, b) => b.flops / b.bytes - a.flops / a.bytes).forEach(decide);
  if (![...decided.values()].includes(false)) return all;
  return lowerCalls(graph, calls, {
    profile,
    root,
    isGranted: (request) => decided.get(request.key) ?? decide(request),
  });
}

function lowerCalls(
  graph: Graph,
  calls: readonly Call[],
  { profile, root, isGranted }: {
    readonly profile: DeviceProfile;
    readonly root: (id: number) => number;
    readonly isGranted: (request: Pick<Request, "key" | "bytes">) => boolean;
  },
): Lowered & { readonly requests: readonly Request[] } {
  const scalars: string[] = [];
  const requests = new Map<string, Request>();
  /** Those of the call that is being lowered. */
  const own = new Set<Request>();
  const layers: PlannedLayer[] = [];
  const known = new Map<string, LoweredCall>();
  /** Ids of what exists within the call that is being lowered. */
  let within: number[] = [];
  let nextId = allIds(graph).reduce((least, id) => Math.max(least, id + 1), 0);
  const target: Target = {
    ...profile,
    scratch: (shape) => {
      within.push(nextId);
      return { id: nextId++, shape, dtype: "f32" };
    },
    scalarIndex: ({ scalar }) => {
      const known = scalars.indexOf(scalar);
      return known >= 0 ? known : scalars.push(scalar) - 1;
    },
    prepared: (op, inputs, attrs) => {
      if (!inputs.every((input) => graph.constants.has(root(input.id)))) return undefined;
      const key = `${op.name}(${inputs.map((input) => root(input.id))})${JSON.stringify(attrs)}`;
      let request = requests.get(key);
      if (!request) {
        const sources = inputs.map((input) => ({ ...input, id: root(input.id) }));
        const types = op.infer(sources, attrs);
        const bytes = types.reduce((sum, type) => sum + byteLength(type), 0);
        if (!isGranted({ key, bytes })) return undefined;
        const outputs = types.map((type) => ({ ...type, id: nextId++ }));
        const call: Call = { op: op as OpDef<unknown>, inputs: sources, outputs, attrs, scope: "" };
        requests.set(key, request = { key, call, bytes, flops: 0 });
      }
      own.add(request);
      return request.call.outputs[0];
    },
  };
  const dispatches = calls.flatMap((call) => {
    const key = likenessOf(call, (id) => graph.constants.has(root(id)) ? root(id) : undefined);
    let like = known.get(key);
    within = [];
    if (!like) {
      own.clear();
      const choices: LayerChoice[] = [];
      const noteLayer = (choice: LayerChoice): void => {
        if (!choices.some(({ key }) => key === choice.key)) choices.push(choice);
      };
      const dispatches = lowerCall(call, { ...target, noteLayer });
      known.set(key, like = { call, dispatches, within, own: [...own], choices });
    }
    const [whole] = like.choices;
    layers.push(
      ...like.choices.map((choice) => ({ ...choice, call, ...(choice === whole ? {} : { partOf: whole!.key }) })),
    );
    for (const request of like.own) request.flops += like.dispatches.reduce((sum, { flops }) => sum + flops, 0);
    return like.call === call ? like.dispatches : likewise(like, call, target);
  });
  const asked = [...requests.values()];
  return { dispatches, prepared: asked.map(({ call }) => call), layers, scalars, requests: asked };
}

/** A call that was lowered, for others that differ from it in the tensors alone. */
interface LoweredCall {
  readonly call: Call;
  readonly dispatches: readonly PlannedDispatch[];
  readonly within: readonly number[];
  readonly own: readonly Request[];
  /** The choice of the call, and those of its parts. */
  readonly choices: readonly LayerChoice[];
}

/** A text that is equal for calls that are lowered alike: by operation, attributes, types, and which constants they read. */
function likenessOf({ op, inputs, outputs, attrs }: Call, constantOf: (id: number) => number | undefined): string {
  const ids = inputs.map(({ id }) => id);
  const operands = inputs.map(({ id, dtype, shape }) => [constantOf(id) ?? "", ids.indexOf(id), dtype, ...shape]);
  // JSON has neither infinities nor a negative zero.
  const exact = (_: string, value: unknown): unknown =>
    typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0)) ? `${1 / value} ${value}` : value;
  return JSON.stringify([op.name, attrs, operands, outputs.map(({ dtype, shape }) => [dtype, ...shape])], exact);
}

/** What a like call was lowered to, with the tensors of this one. */
function likewise({ call: like, dispatches, within }: LoweredCall, call: Call, target: Target): PlannedDispatch[] {
  const tensors = new Map<number, Tensor>();
  like.inputs.forEach(({ id }, k) => tensors.set(id, call.inputs[k]!));
  like.outputs.forEach(({ id }, k) => tensors.set(id, call.outputs[k]!));
  const own = (tensor: Tensor): Tensor => {
    const known = tensors.get(tensor.id) ?? (within.includes(tensor.id) ? target.scratch(tensor.shape) : tensor);
    tensors.set(tensor.id, known);
    return known;
  };
  return dispatches.map((dispatch) => ({
    ...dispatch,
    scope: call.scope,
    bindings: dispatch.bindings.map((binding) => ({ ...binding, tensor: own(binding.tensor) })),
  }));
}

function allIds(graph: Graph): number[] {
  return [
    ...[...graph.inputs.values(), ...graph.outputs.values()].map((t) => t.id),
    ...graph.constants.keys(),
    ...graph.calls.flatMap((call) => [...call.inputs, ...call.outputs].map((t) => t.id)),
  ];
}

/** An output must be computed by the stage: results and inputs would otherwise share memory between runs. */
function checkOutputs(graph: Graph, root: (id: number) => number): void {
  const inputs = new Map([...graph.inputs].map(([name, t]) => [t.id, name]));
  for (const [name, tensor] of graph.outputs) {
    const source = root(tensor.id);
    const input = inputs.get(source);
    if (input === undefined && !graph.constants.has(source)) continue;
    const what = input === undefined ? "a constant" : `the input "${input}"`;
    throw new TypeError(`Cannot plan "${graph.name}": output "${name}" is ${what} itself; use the tensor you have`);
  }
}

function lowerCall(call: Call, target: Target): readonly PlannedDispatch[] {
  const { flops, bytes } = call.op.cost(call);
  const dispatches = call.op.lower(call, target).flatMap((dispatch) => inParts(dispatch, target));
  const total = dispatches.reduce((sum, { work = 0 }) => sum + work, 0);
  return dispatches.map((dispatch, index) => {
    checkLimits(call, dispatch, target);
    const { inParts: _, work = 0, ...whole } = dispatch;
    const share = total > 0 ? work / total : index === 0 ? 1 : 0;
    return { ...whole, scope: call.scope, flops: share * flops, bytes: index === 0 ? bytes : 0 };
  });
}

function isBuffer({ access }: Binding): boolean {
  return access !== "sample";
}

/** The dispatch itself where one binding holds each tensor, else those that work in parts, where there are any. */
function inParts(dispatch: Dispatch, { maxBindingBytes }: Target): readonly Dispatch[] {
  const fits = dispatch.bindings.filter(isBuffer).every((binding) => boundBytes(binding) <= maxBindingBytes);
  return (fits ? undefined : dispatch.inParts?.(maxBindingBytes)) ?? [dispatch];
}

function checkLimits(call: Call, dispatch: Dispatch, target: Target): void {
  const place = `Cannot run ${dispatch.label}${call.scope ? ` at "${call.scope}"` : ""}`;
  const help = "use a smaller image or batch";
  const buffers = dispatch.bindings.filter(isBuffer);
  const { maxBindingBytes, maxBufferBytes } = target;
  for (const binding of buffers) {
    const { tensor } = binding;
    const isTooLong = byteLength(tensor) > maxBufferBytes;
    if (!isTooLong && boundBytes(binding) <= maxBindingBytes) continue;
    throw new DeviceLimitError(
      `${place}: buffer of tensor ${formatShape(tensor.shape)} needs ${byteLength(tensor)} bytes, the device ` +
        (isTooLong
          ? `allows ${maxBufferBytes} a buffer (maxBufferSize); ${help}`
          : `binds at most ${maxBindingBytes} (maxStorageBufferBindingSize); ${help}, or show the network windows ` +
            "(--window)"),
    );
  }
  if (buffers.length > target.maxStorageBuffers) {
    const most = Math.max(...buffers.map(({ tensor }) => byteLength(tensor)));
    throw new DeviceLimitError(
      `${place}: it binds ${buffers.length} buffers` +
        (most > maxBindingBytes ? ` for tensors of up to ${most} bytes, at most ${maxBindingBytes} each` : "") +
        `, the device allows ${target.maxStorageBuffers} (maxStorageBuffersPerShaderStage); ${help}`,
    );
  }
  const side = Math.max(...dispatch.workgroups);
  if (side > target.maxWorkgroupsPerDimension) {
    throw new DeviceLimitError(
      `${place}: it needs ${side} workgroups along one dimension, the device allows ` +
        `${target.maxWorkgroupsPerDimension} (maxComputeWorkgroupsPerDimension); use a smaller image or batch`,
    );
  }
}

/** Inputs live through the whole plan, so that copying the next run's inputs never meets a result of the last. */
function lifetimes(
  graph: Graph,
  dispatches: readonly Dispatch[],
  { root, constantIds }: { readonly root: (id: number) => number; readonly constantIds: ReadonlySet<number> },
): readonly Lifetime[] {
  const end = dispatches.length;
  const found = new Map<number, { id: number; bytes: number; first: number; last: number }>();
  for (const tensor of graph.inputs.values()) {
    found.set(tensor.id, { id: tensor.id, bytes: byteLength(tensor), first: -1, last: end });
  }
  for (const [index, dispatch] of dispatches.entries()) {
    for (const { tensor } of dispatch.bindings) {
      const id = root(tensor.id);
      if (constantIds.has(id)) continue;
      const known = found.get(id);
      if (known) known.last = Math.max(known.last, index);
      else found.set(id, { id, bytes: byteLength(tensor), first: index, last: index });
    }
  }
  for (const output of graph.outputs.values()) {
    const value = found.get(root(output.id));
    if (value) value.last = end;
  }
  return [...found.values()];
}

/** A plan as text: slots with their bytes, then one dispatch a line with scope, grid and the slots it touches. */
export function printPlan(plan: Plan): string {
  const place = (tensor: Tensor): string => {
    const slot = plan.slotOf.get(plan.root(tensor.id));
    return slot === undefined ? "constant" : `slot ${slot}`;
  };
  const total = plan.slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  const lines = [
    `plan ${plan.name}: ${plan.dispatches.length} dispatches, ${plan.slotBytes.length} slots of ${total} bytes, ` +
    `${plan.constants.size} constants, ${new Set(plan.dispatches.map((d) => d.wgsl)).size} pipelines`,
    `  scalars: ${plan.scalars.join(", ") || "none"}`,
    ...plan.slotBytes.map((bytes, slot) => `  slot ${slot}: ${bytes} bytes`),
  ];
  for (const [index, { label, scope, workgroups, bindings }] of plan.dispatches.entries()) {
    const touched = (
      access: Binding["access"],
    ): readonly Tensor[] => [...new Set(bindings.filter((b) => b.access === access).map((b) => b.tensor))];
    const reads = touched("read").map(place).join(", ");
    const writes = touched("write").map((tensor) => `${place(tensor)} ${formatShape(tensor.shape)}`).join(", ");
    lines.push(`  ${index} ${label} at ${scope || "-"} grid ${workgroups.join("x")}: ${reads} -> ${writes}`);
  }
  return lines.join("\n");
}
