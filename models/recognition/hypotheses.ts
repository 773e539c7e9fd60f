/** The networks that a file can hold: parts of it, as families read them, and how well each fits. */
import { formatShape } from "../../engine/mod.ts";
import { quoteName } from "../checkpoint/checkpoint_error.ts";
import { FAMILIES } from "../families.ts";
import type { Description, NetworkFamily, NetworkPlan, TensorShapes } from "../family.ts";
import { planDescription } from "../model_description.ts";
import { fitsParameter, type ParameterSet } from "../weights.ts";
import { isHarmless } from "./beside.ts";
import { type FileTensors, type Part, partsOf } from "./parts.ts";

/** A network that a part of a file can belong to, as far as names and shapes tell. */
export interface Candidate {
  readonly family: NetworkFamily;
  readonly description: Description;
  /** The network at some size. */
  readonly plan: NetworkPlan;
  /** Where its tensors are in the file. */
  readonly part: Part;
}

/** How a part of a file is read as a network. */
export interface Hypothesis {
  readonly family: NetworkFamily;
  readonly part: Part;
  /** The network, if there is one. */
  readonly candidate: Candidate | undefined;
  /** Parameters that do not fit, in words; or why there is no network. */
  readonly differences: readonly string[];
  /** Tensors of the part, by their names in the file, that are no parameters, without those that say nothing. */
  readonly strange: readonly string[];
  /** Parameters that are there, less twice those that are not; what is no network fits worst. */
  readonly fit: number;
}

/** A size that many levels halve. */
const ANY_SIZE = 2 ** 20;

/**
 * All readings of all parts of a file.
 * @param tensors all tensors
 */
export function* hypothesesOf(tensors: FileTensors): Generator<Hypothesis, void> {
  for (const part of partsOf(tensors)) {
    for (const family of FAMILIES.values()) {
      for (const found of family.detect(part.shapes)) {
        yield hypothesis(tensors, part, family, { architecture: family.name, ...found });
      }
    }
  }
}

function hypothesis(tensors: FileTensors, part: Part, family: NetworkFamily, description: Description): Hypothesis {
  try {
    const { plan } = planDescription(completed(description, part.shapes, ANY_SIZE));
    const differences = differencesOf(plan.parameters, part.shapes);
    const strange = [...part.stored].filter(([own, name]) =>
      !plan.parameters.has(own) && !isHarmless(own, tensors.get(name)!)
    ).map(([, name]) => name);
    return {
      family,
      part,
      candidate: { family, description, plan, part },
      differences,
      strange,
      fit: plan.parameters.size - 3 * differences.length,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { family, part, candidate: undefined, differences: [reason], strange: [], fit: -Infinity };
  }
}

/**
 * The parameters that a file does not hold as they are needed, each in words.
 * @param parameters of a network
 * @param shapes of the tensors that may be they
 */
export function differencesOf(parameters: ParameterSet, shapes: TensorShapes): string[] {
  return Array.from(parameters).flatMap(([name, parameter]) => {
    const there = shapes.get(name);
    if (!there) return [`${quoteName(name)} is missing`];
    if (fitsParameter(parameter, there)) return [];
    return [`${quoteName(name)} is ${formatShape(there)} instead of ${formatShape(parameter.shape)}`];
  });
}

/** A description with a training size and all else that is open and on which neither parameters nor cost depend. */
export function completed(description: Description, tensors: TensorShapes, imageSize: number): Description {
  return withSize({ image_size: imageSize, ...familyOf(description).standIns, ...description }, tensors);
}

/** A description with what follows from the training size, if it has one, and without what is undefined. */
export function withSize(description: Description, tensors: TensorShapes): Description {
  const size = description.image_size;
  const following = typeof size === "number" ? familyOf(description).sized?.(size, tensors) : undefined;
  const all = { ...description, ...following };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The family that a description names. */
export function familyOf({ architecture }: Description): NetworkFamily {
  return FAMILIES.get(architecture as string)!;
}
