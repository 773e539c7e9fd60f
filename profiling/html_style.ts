/** Style and behaviour of the page of a profile. */

/** Style sheet, light and dark. */
export const STYLE = `
:root {
  --page: #f7f7f5; --panel: #ffffff; --ink: #1c1d21; --soft: #5d616b; --line: #dcdde1; --slot: #eeeef0;
  --scope0: #e4e6ec; --scope1: #d5d8e1; --roof: #c02626;
  --c0: #3d7dd8; --c1: #e08a1e; --c2: #2f9e77; --c3: #b04fc4; --c4: #d1495b; --c5: #2aa5b8; --c6: #8d8a2b; --c7: #8b919d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15161a; --panel: #1e2026; --ink: #ececf0; --soft: #a3a8b4; --line: #363a44; --slot: #282b33;
    --scope0: #333844; --scope1: #3f4553; --roof: #ff7a70;
    --c0: #5b97ec; --c1: #e9a04a; --c2: #4bbd94; --c3: #c678d8; --c4: #e8707f; --c5: #4fc0d2; --c6: #b5b154; --c7: #868d9b;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1300px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 26px; } h2 { margin: 0 0 8px; font-size: 18px; } p { margin: 4px 0 10px; color: var(--soft); }
section { margin: 20px 0; padding: 18px 20px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(138px, 1fr)); gap: 10px; margin-top: 16px; }
.tile { display: flex; flex-direction: column; padding: 10px 12px; background: var(--panel);
  border: 1px solid var(--line); border-radius: 10px; }
.tile span, .tile small { color: var(--soft); font-size: 13px; } .tile strong { font-size: 16.5px; white-space: nowrap; }
.bar { display: flex; height: 26px; gap: 1px; overflow: hidden; border-radius: 6px; margin: 6px 0 10px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0; padding: 0; list-style: none; font-size: 14px; }
.legend em { color: var(--soft); font-style: normal; }
.key { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 3px; }
.s0, b.c0 { background: var(--c0); } .s1, b.c1 { background: var(--c1); } .s2, b.c2 { background: var(--c2); }
.s3, b.c3 { background: var(--c3); } .s4, b.c4 { background: var(--c4); } b.c5 { background: var(--c5); }
b.c6 { background: var(--c6); } b.c7 { background: var(--c7); }
svg .c0 { fill: var(--c0); } svg .c1 { fill: var(--c1); } svg .c2 { fill: var(--c2); } svg .c3 { fill: var(--c3); }
svg .c4 { fill: var(--c4); } svg .c5 { fill: var(--c5); } svg .c6 { fill: var(--c6); } svg .c7 { fill: var(--c7); }
.scroll { overflow-x: auto; margin-bottom: 14px; }
svg { display: block; width: 100%; min-width: 800px; height: auto; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.box { cursor: pointer; } .box:hover rect { stroke: var(--ink); stroke-width: 1.5; }
.box.d0 rect { fill: var(--scope0); } .box.d1 rect { fill: var(--scope1); }
.box text { fill: #fff; font-size: 11.5px; pointer-events: none; } .box.scope text { fill: var(--ink); }
.grid { stroke: var(--line); } .roof { fill: none; stroke: var(--roof); stroke-width: 2; }
svg .roofname { fill: var(--roof); font-weight: 600; }
.dot { fill-opacity: 0.55; stroke: var(--panel); stroke-width: 0.8; } .dot:hover { fill-opacity: 1; stroke: var(--ink); }
.slot { fill: var(--slot); } .value { fill-opacity: 0.85; } .value:hover { stroke: var(--ink); }
svg .input { fill: var(--soft); } .area { fill: var(--c0); fill-opacity: 0.4; }
.limit { stroke: var(--roof); stroke-dasharray: 4 4; }
table { width: 100%; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
td[data-v], th.n { text-align: right; }
th button { padding: 2px 0; border: 0; background: none; color: inherit; font: inherit; font-weight: 600; cursor: pointer; }
th[aria-sort=descending] button::after { content: " ▾"; } th[aria-sort=ascending] button::after { content: " ▴"; }
tbody tr:hover { background: var(--slot); } details { margin-top: 10px; } summary { cursor: pointer; padding: 4px 0; }
`;

/** Sorting of tables, and looking into scopes of the flame view. */
export const SCRIPT = `
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.querySelectorAll("th")];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
    const order = (a, b) => head.classList.contains("n") ? Number(key(a)) - Number(key(b)) : key(b).localeCompare(key(a));
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => down ? order(b, a) : order(a, b)));
  }));
}
const flames = document.getElementById("flames");
const width = flames.viewBox.baseVal.width;
const boxes = [...flames.querySelectorAll(".box")].map((box) => ({
  box, x: Number(box.dataset.x), w: Number(box.dataset.w), depth: Number(box.dataset.d),
  rect: box.querySelector("rect"), text: box.querySelector("text"),
}));
const look = (target) => {
  const scale = width / target.w;
  for (const { box, x, w, depth, rect, text } of boxes) {
    const around = depth <= target.depth && x <= target.x + 1e-3 && x + w >= target.x + target.w - 1e-3;
    const left = around ? 0 : (x - target.x) * scale;
    const wide = around ? width : w * scale;
    box.style.display = left < -1e-3 || left + wide > width + 0.1 || wide < 0.3 ? "none" : "";
    rect.setAttribute("x", left);
    rect.setAttribute("width", wide);
    const name = text.dataset.t;
    const room = Math.floor((wide - 6) / 6.6);
    text.setAttribute("x", left + 3);
    text.textContent = room >= name.length ? name : room >= 4 ? name.slice(0, room - 1) + "…" : "";
  }
};
for (const entry of boxes) entry.box.addEventListener("click", () => look(entry));
`;
