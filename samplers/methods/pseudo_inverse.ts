import { baseline } from "./baseline.ts";
import type { Sampler } from "../sampler.ts";

/** The baseline A^+ y: of all images that explain the measurement best, the one of least norm. */
export const pseudoInverse: Sampler<object> = baseline({
  name: "pseudo_inverse",
  paper: "the Moore-Penrose pseudo-inverse",
  about: "A^+ y, without any network",
  image: ({ operator }) => (y) => operator.pseudoInverse(y),
});
