/** The families of networks that come with the project, one line each. Their order is that in which files are tried. */
export { guidedDiffusion } from "./guided/unet.ts";
export { ddpm } from "./ddpm/unet.ts";
export { guidedClassifier } from "./guided/classifier.ts";
export { diffusers } from "./diffusers/unet.ts";
