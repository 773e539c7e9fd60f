/**
 * The samplers that come with the project by their names in the register, one line each. Their order is that of help
 * texts; the first is the default of a command line.
 */
export { ssd, ssdPlus as ssd_plus } from "./methods/ssd.ts";
export { pseudoInverse as pseudo_inverse } from "./methods/pseudo_inverse.ts";
export { bicubic } from "./methods/bicubic.ts";
export { ddnm } from "./methods/ddnm.ts";
export { ddnmPlus as ddnm_plus } from "./methods/ddnm_plus.ts";
export { ddrm } from "./methods/ddrm.ts";
export { dmps } from "./methods/dmps.ts";
export { dps } from "./methods/dps.ts";
export { mcg } from "./methods/mcg.ts";
export { pigdm } from "./methods/pigdm.ts";
export { dpsDmps as dps_dmps } from "./methods/dps_dmps.ts";
export { dds } from "./methods/dds.ts";
export { diffpir } from "./methods/diffpir.ts";
export { ddpg, idpg } from "./methods/back_projection/ddpg.ts";
export { redDiff as red_diff } from "./methods/fitting/red_diff.ts";
export { sitcom } from "./methods/fitting/sitcom.ts";
export { cm4ir } from "./methods/back_projection/cm4ir.ts";
export { resample } from "./methods/fitting/resample.ts";
export { lgd } from "./methods/decoupled/lgd.ts";
export { daps } from "./methods/decoupled/daps.ts";
export { guessAndGuide as guess_and_guide } from "./methods/decoupled/guess_and_guide.ts";
export { pnpDm as pnp_dm } from "./methods/decoupled/pnp_dm.ts";
export { ddsmc } from "./methods/particles/ddsmc.ts";
export { fpsSmc as fps_smc } from "./methods/particles/fps_smc.ts";
export { deqir } from "./methods/parallel/deqir.ts";
export { gibbsDdrm as gibbs_ddrm } from "./methods/blind/gibbs_ddrm.ts";
export { repaint } from "./methods/repaint.ts";
export { ilvr } from "./methods/ilvr.ts";
export { scoreSde as score_sde } from "./methods/score_sde.ts";
export { sdedit } from "./methods/sdedit.ts";
export { ccdf } from "./methods/ccdf.ts";
export { pnpAdmm as pnp_admm } from "./methods/pnp_admm.ts";
export { admmTv as admm_tv } from "./methods/admm_tv.ts";
export { consistencyEditing as consistency_editing } from "./methods/consistency_editing.ts";
