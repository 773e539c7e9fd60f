/** Recorded runs of other programs that come with the page: layers, networks, degradations, restorations. */

/** A reference file. */
export interface Reference {
  /** Its name, in the folder `references` of the page. */
  readonly name: string;
  /** What it holds, in a line. */
  readonly about: string;
}

/** In the order in which they are compared. That of the network also has the weights with which restorations were recorded. */
export const REFERENCES: readonly Reference[] = [
  { name: "operators-32.safetensors", about: "Degradations, transposes and pseudo-inverses" },
  { name: "ops-basic.safetensors", about: "Layers of networks and their gradients, as PyTorch computes them" },
  { name: "unet-guided-a-tiny.safetensors", about: "A network of guided-diffusion, layer by layer, with its gradient" },
  { name: "ssd-traj-ssd-sr_average_x4.safetensors", about: "Every step of a restoration by SSD" },
  { name: "ssd-traj-dps-sr_average_x4.safetensors", about: "Every step of a restoration by DPS" },
  { name: "ssd-traj-dds-inpainting.safetensors", about: "Every step of a restoration by DDS" },
  { name: "ssd-traj-diffpir-sr_x2.safetensors", about: "Every step of a restoration by DiffPIR" },
];
