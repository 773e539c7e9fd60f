/**
 * The samplers that come with the project by their names in the register, one line each. Their order is that of help
 * texts; the first is the default of a command line.
 */
export { ssd, ssdPlus as ssd_plus } from "./ssd.ts";
export { pseudoInverse as pseudo_inverse } from "./pseudo_inverse.ts";
export { bicubic } from "./bicubic.ts";
export { ddnm } from "./ddnm.ts";
export { ddnmPlus as ddnm_plus } from "./ddnm_plus.ts";
export { ddrm } from "./ddrm.ts";
export { dmps } from "./dmps.ts";
export { dps } from "./dps.ts";
export { mcg } from "./mcg.ts";
export { pigdm } from "./pigdm.ts";
export { dpsDmps as dps_dmps } from "./dps_dmps.ts";
export { dds } from "./dds.ts";
export { diffpir } from "./diffpir.ts";
export { repaint } from "./repaint.ts";
export { ilvr } from "./ilvr.ts";
export { scoreSde as score_sde } from "./score_sde.ts";
export { sdedit } from "./sdedit.ts";
export { ccdf } from "./ccdf.ts";
export { pnpAdmm as pnp_admm } from "./pnp_admm.ts";
export { admmTv as admm_tv } from "./admm_tv.ts";
