/** Files of kind `operators`: degradations with their pseudo-inverse, transpose and projection. */
import type { DeviceTensor, Runtime, Shape, Tensor } from "../engine/mod.ts";
import { project } from "../operators/mod.ts";
import { findings } from "./findings.ts";
import { type PublishedOperator, publishedOperator } from "./published_operator.ts";
import { type ReferenceFile, Settings } from "./reference_file.ts";
import { type Finding, refusal, type Values } from "./row.ts";

const LIMIT = 1e-5;

/** The inverse of a blur amplifies rounding by up to 1 / 0.03^2. */
const BLUR_INVERSE_LIMIT = 1e-4;

/** Results of an operator, each after its name. */
const RESULTS: readonly string[] = ["Ax", "pinv_Ax", "pinv_y", "At_y", "project"];

/**
 * Parts that describe an operator: its random measurement, mask, kernel, matrix, decomposition and the order of its
 * singular values. They are what an operator is built from, or depend on a basis that is free; they are no results.
 */
const PARTS = /\.(y|mask|missing\w*|kernel\w*|perm\w*|A1d\w*|[UV]t?\d?|s\d?(_raw)?\d?|singulars)$/;

/**
 * Compares what every operator of the file makes of the image `x` and of its measurement `y`.
 * @param runtime where the operators run
 * @param file of kind `operators`
 */
export async function* verifyOperators(runtime: Runtime, file: ReferenceFile): AsyncGenerator<Finding, void> {
  file.declareInputs(/^x$/);
  file.declareInputs(PARTS);
  for (const name of operatorNames(file)) {
    const quantities = RESULTS.map((result) => `${name}.${result}`).filter((quantity) => file.has(quantity));
    if (quantities.length === 0) {
      yield refusal(name, new TypeError("the metadata name this operator, the file holds no result of it"));
    }
    const isInverse = (quantity: string): boolean => /\.(pinv_\w+|project)$/.test(quantity);
    const isBlur = /blur/i.test(`${name} ${settingsOf(file, name).text("class", "")}`);
    const limitOf = (quantity: string): number => isBlur && isInverse(quantity) ? BLUR_INVERSE_LIMIT : LIMIT;
    const expectations = quantities.map((quantity) => ({ quantity, limit: limitOf(quantity) }));
    yield* findings(file, expectations, () => evaluate(runtime, file, name, quantities));
  }
}

/** The operators that the metadata or the names of results show. */
function operatorNames(file: ReferenceFile): ReadonlySet<string> {
  const described = file.metadata.has("operators") ? Object.keys(file.metadata.settings("operators").values) : [];
  const results = file.names(/\.(Ax|pinv_Ax|pinv_y|At_y|project)$/).map((name) => name.replace(/\.\w+$/, ""));
  return new Set([...described, ...results]);
}

function settingsOf({ metadata }: ReferenceFile, name: string): Settings {
  const all = metadata.has("operators") ? metadata.settings("operators") : undefined;
  return all?.has(name) ? all.settings(name) : new Settings(`the metadata of "${name}"`, {});
}

async function evaluate(
  runtime: Runtime,
  file: ReferenceFile,
  name: string,
  quantities: readonly string[],
): Promise<ReadonlyMap<string, Values>> {
  const settings = settingsOf(file, name);
  const x = await file.readChannelsLast("x");
  const measurementShape = file.shape(`${name}.Ax`) ?? file.shape(`${name}.y`);
  if (!measurementShape) throw new TypeError(`Cannot build operator "${name}": the file has no "${name}.Ax"`);
  const imageShape: Shape = x.shape.slice(1);
  const shares = settings.has("shares") ? [settings.text("shares").replace(/\..*$/, ".")] : [];
  const prefixes = [`${name}.`, ...shares];
  const published = await publishedOperator(file, { name, imageShape, measurementShape, settings, prefixes });
  const inputs: Record<string, DeviceTensor> = { x: runtime.upload(x.data, x.shape) };
  if (quantities.some((quantity) => /\.(pinv_y|At_y|project)$/.test(quantity))) {
    const y = published.load(await file.read(`${name}.y`));
    inputs.y = runtime.upload(y.data, y.shape);
  }
  const stage = runtime.stage(`operator ${name}`, (tensors: Readonly<Record<string, Tensor>>) => {
    const results = record(published, tensors);
    return Object.fromEntries(quantities.map((quantity) => [quantity, results[quantity.slice(name.length + 1)]!()]));
  });
  const results = await stage(inputs, {});
  const values = new Map<string, Values>();
  for (const [quantity, tensor] of Object.entries(results)) {
    const value = { data: await tensor.read(), shape: tensor.shape };
    values.set(quantity, quantity === `${name}.Ax` ? published.store(value) : value);
  }
  Object.values(inputs).forEach((tensor) => tensor.free());
  return values;
}

/** What records each result; `y` is there if a result of the file depends on it. */
function record(
  { operator }: PublishedOperator,
  { x, y }: Readonly<Record<string, Tensor>>,
): Readonly<Record<string, () => Tensor>> {
  return {
    Ax: () => operator.forward(x!),
    pinv_Ax: () => operator.pseudoInverse(operator.forward(x!)),
    pinv_y: () => operator.pseudoInverse(y!),
    At_y: () => operator.adjoint(y!),
    project: () => project(operator, x!, y!),
  };
}
