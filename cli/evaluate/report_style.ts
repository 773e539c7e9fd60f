/** Style and behaviour of the page of an evaluation. */

/** Rules of this page beside those of all pages. */
export const STYLE = `
h3 { margin: 18px 0 6px; font-size: 15px; }
td.n, th.n { text-align: right; } td small { color: var(--soft); }
table.quality { width: auto; min-width: 60%; } th.group { text-align: center; border-bottom-color: var(--soft); }
.first, th.group { border-left: 1px solid var(--line); padding-left: 14px; }
tbody th { font-weight: 500; } u { text-underline-offset: 3px; }
tbody.published { color: var(--soft); } tbody.published tr:first-child > * { border-top: 2px solid var(--line); }
td.reason { white-space: normal; min-width: 420px; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 8px 22px; }
figure { margin: 0; } figure svg { display: block; width: 100%; height: auto; }
svg .name { fill: var(--ink); font-size: 13.5px; font-weight: 600; }
.curve { fill: none !important; stroke-width: 2; } .reach { stroke: var(--soft); stroke-opacity: 0.5; }
.curve.c0 { stroke: var(--c0); } .curve.c1 { stroke: var(--c1); } .curve.c2 { stroke: var(--c2); }
.curve.c3 { stroke: var(--c3); } .curve.c4 { stroke: var(--c4); } .curve.c5 { stroke: var(--c5); }
.curve.c6 { stroke: var(--c6); } .curve.c7 { stroke: var(--c7); }
circle { stroke: var(--panel); } circle:hover { stroke: var(--ink); }
table.pictures { width: auto; } table.pictures td, table.pictures th { border: 0; padding: 3px 4px; text-align: center;
  vertical-align: top; font-size: 13px; }
table.pictures tbody tr:hover { background: none; } table.pictures tbody th { max-width: 120px; overflow: hidden; text-overflow: ellipsis;
  vertical-align: middle; }
table.pictures button { display: block; padding: 0; border: 0; background: none; cursor: zoom-in; }
table.pictures img { display: block; width: 128px; height: 128px; object-fit: contain; image-rendering: pixelated; border-radius: 4px; }
pre { overflow-x: auto; padding: 12px; background: var(--slot); border-radius: 8px; font-size: 13px; }
dialog { padding: 14px; width: min(92vw, 86vh); border: 1px solid var(--line); border-radius: 12px; background: var(--panel); color: var(--ink); }
dialog::backdrop { background: rgb(0 0 0 / 0.6); }
dialog header { display: flex; align-items: center; justify-content: space-between; gap: 12px; margin-bottom: 10px; }
dialog button, dialog select { font: inherit; color: inherit; background: var(--slot); border: 1px solid var(--line); border-radius: 6px; padding: 2px 10px; }
dialog input { width: 100%; margin-top: 10px; }
.stage { position: relative; } .stage img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; }
.stage .over { position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--share, 50%)) 0 0); }
.stage .edge { position: absolute; top: 0; bottom: 0; left: var(--share, 50%); width: 2px; background: #fff; mix-blend-mode: difference; }
`;

/** Looking at a picture closely, with a slider to another of its row. */
export const SCRIPT = `
const viewer = document.getElementById("viewer");
const [under, over] = viewer.querySelectorAll("img");
const choice = viewer.querySelector("select");
const range = viewer.querySelector("input");
const stage = viewer.querySelector(".stage");
const slide = (share) => { range.value = share; stage.style.setProperty("--share", share + "%"); };
const look = (button) => {
  const row = button.closest("tr");
  const others = [...row.querySelectorAll("button")];
  choice.replaceChildren(...others.map((other, index) => new Option(other.dataset.name, index)));
  const first = button.dataset.name === "measurement" ? others.length - 1 : 0;
  choice.value = first;
  choice.onchange = () => { over.src = others[choice.value].querySelector("img").src; };
  choice.onchange();
  under.src = button.querySelector("img").src;
  viewer.querySelector("strong").textContent = button.dataset.name + " of " + row.dataset.case;
  slide(50);
  viewer.showModal();
};
for (const button of document.querySelectorAll("table.pictures button")) button.addEventListener("click", () => look(button));
viewer.querySelector("button").addEventListener("click", () => viewer.close());
viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
range.addEventListener("input", () => slide(range.value));
stage.addEventListener("pointermove", (event) => {
  const box = stage.getBoundingClientRect();
  slide(Math.min(100, Math.max(0, 100 * (event.clientX - box.left) / box.width)));
});
`;
