import { baseline } from "./baseline.ts";

/** The baseline A^+ y: of all images that explain the measurement best, the one of least norm. */
export const pseudoInverse = baseline({
  name: "pseudo_inverse",
  paper: "the Moore-Penrose pseudo-inverse",
  image: ({ operator }) => (y) => operator.pseudoInverse(y),
});
