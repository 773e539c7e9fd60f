/** Style and behaviour of the page of a profile. */

/** Rules of this page beside those of all pages, light and dark. */
export const STYLE = `
:root { --scope0: #e4e6ec; --scope1: #d5d8e1; --roof: #c02626; }
@media (prefers-color-scheme: dark) { :root { --scope0: #333844; --scope1: #3f4553; --roof: #ff7a70; } }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(138px, 1fr)); gap: 10px; margin-top: 16px; }
.tile { display: flex; flex-direction: column; padding: 10px 12px; background: var(--panel);
  border: 1px solid var(--line); border-radius: 10px; }
.tile span, .tile small { color: var(--soft); font-size: 13px; } .tile strong { font-size: 16.5px; white-space: nowrap; }
.bar { display: flex; height: 26px; gap: 1px; overflow: hidden; border-radius: 6px; margin: 6px 0 10px; }
.legend em { color: var(--soft); font-style: normal; }
.s0 { background: var(--c0); } .s1 { background: var(--c1); } .s2 { background: var(--c2); }
.s3 { background: var(--c3); } .s4 { background: var(--c4); }
svg { display: block; width: 100%; min-width: 800px; height: auto; }
.box { cursor: pointer; } .box:hover rect { stroke: var(--ink); stroke-width: 1.5; }
.box.d0 rect { fill: var(--scope0); } .box.d1 rect { fill: var(--scope1); }
.box text { fill: #fff; font-size: 11.5px; pointer-events: none; } .box.scope text { fill: var(--ink); }
.roof { fill: none; stroke: var(--roof); stroke-width: 2; }
svg .roofname { fill: var(--roof); font-weight: 600; }
.dot { fill-opacity: 0.55; stroke: var(--panel); stroke-width: 0.8; } .dot:hover { fill-opacity: 1; stroke: var(--ink); }
.slot { fill: var(--slot); } .value { fill-opacity: 0.85; } .value:hover { stroke: var(--ink); }
svg .input { fill: var(--soft); } .area { fill: var(--c0); fill-opacity: 0.4; }
.limit { stroke: var(--roof); stroke-dasharray: 4 4; }
td[data-v], th.n { text-align: right; }
th button { padding: 2px 0; border: 0; background: none; color: inherit; font: inherit; font-weight: 600; cursor: pointer; }
th[aria-sort=descending] button::after { content: " ▾"; } th[aria-sort=ascending] button::after { content: " ▴"; }
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
