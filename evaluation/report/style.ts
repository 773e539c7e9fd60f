/** Looks and behaviour of the report: a style sheet and a script, both inside the page. */

/** The style sheet; light or dark as the reader's system is. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--text:#1d1f24;--soft:#656b76;--line:#dfe1e6;--accent:#2457c5;--best:#e8f0ff;
--c0:#2457c5;--c1:#d1495b;--c2:#2a9d62;--c3:#b3711b;--c4:#7b4bc4;--c5:#13889b;--c6:#c2419a;--c7:#6b7280}
@media (prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1c1f25;--text:#e8eaee;--soft:#9aa1ad;--line:#343943;--accent:#8ab0ff;--best:#22304d;
--c0:#7aa5ff;--c1:#ff8492;--c2:#5fd39a;--c3:#e8ab5c;--c4:#b793ff;--c5:#57cfe2;--c6:#f58ad2;--c7:#a9b0bc}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 20px 60px;max-width:1320px;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,sans-serif}
h1{font-size:26px;line-height:1.2;margin:0 0 4px}h2{font-size:19px;margin:36px 0 10px}h4{font-size:13px;margin:14px 0 6px;font-weight:600}
p{margin:6px 0;max-width:80ch}.soft,small,figcaption,.note{color:var(--soft)}
.facts{display:flex;flex-wrap:wrap;gap:4px 22px;margin:10px 0 0;padding:0;list-style:none;color:var(--soft);font-size:13.5px}.facts b{color:var(--text);font-weight:600}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:separate;border-spacing:0;font-variant-numeric:tabular-nums;font-size:13.5px;width:100%}
th,td{padding:6px 9px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{font-weight:600;text-align:center;vertical-align:bottom}tbody tr:last-child>*{border-bottom:0}
th[scope=row],thead tr:first-child th:first-child{text-align:left;position:sticky;left:0;background:var(--card);font-weight:500;z-index:1}
.first{border-left:1px solid var(--line)}td small{display:block;font-size:11px;line-height:1.2}
.best span{font-weight:750}.best,td:has(>b){background:var(--best)}.second span{text-decoration:underline;text-underline-offset:3px}
.reasons td{text-align:left;white-space:normal}.none{text-align:center;color:var(--soft);font-style:italic}.nfe{color:var(--soft)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:12px}
.chart{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:6px}.chart svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}svg .name{fill:var(--text);font-weight:600;font-size:13px}.grid{stroke:var(--line)}
.line{fill:none;stroke-width:2;stroke:currentColor}.mark{fill:currentColor;stroke:var(--card);stroke-width:1}
.whisker{stroke:currentColor;opacity:.5}.front{fill:none;stroke:var(--text);stroke-width:1.2;stroke-dasharray:4 3;opacity:.7}.ring{fill:none;stroke:var(--text);stroke-width:1.2}svg .label{fill:var(--text);font-size:9.5px}
.charts.large{grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));margin:10px 0}
.c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}.c5{color:var(--c5)}.c6{color:var(--c6)}.c7{color:var(--c7)}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;list-style:none;padding:0;margin:0 0 10px;font-size:13px}.legend li{display:flex;align-items:center;gap:6px}
.bars{display:grid;grid-template-columns:max-content 1fr;gap:4px 12px;align-items:center;font-size:13.5px;max-width:760px}.bars div{display:flex;align-items:center;gap:8px;font-variant-numeric:tabular-nums}
.bars i{display:block;height:14px;min-width:2px;border-radius:3px;background:var(--c0)}
details{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:8px 14px;margin:0 0 8px}summary{cursor:pointer;font-weight:600}
.row{display:flex;flex-wrap:wrap;gap:8px;padding-bottom:8px}.row figure{margin:0;width:132px}
.row button{display:block;width:100%;padding:0;border:0;background:none;cursor:zoom-in;border-radius:6px}.row button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.row img{display:block;width:100%;border-radius:6px;image-rendering:pixelated;background:var(--line)}figcaption{font-size:12px;line-height:1.35;margin-top:4px;overflow-wrap:anywhere}figcaption b{color:var(--text);font-weight:600}
pre{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px;overflow-x:auto;font-size:12.5px;line-height:1.45;margin:8px 0}
dialog{border:0;border-radius:12px;padding:14px;background:var(--card);color:var(--text);width:min(94vw,720px)}dialog::backdrop{background:#000a}
.view{overflow:auto;max-height:74vh;border-radius:8px}.stage{position:relative;width:calc(100%*var(--zoom,1));overflow:hidden;border-radius:8px;touch-action:none;cursor:ew-resize}.stage.large{touch-action:auto}.stage img{display:block;width:100%;image-rendering:pixelated;user-select:none;-webkit-user-drag:none}
.stage .over{position:absolute;inset:0;clip-path:inset(0 calc(100% - var(--at)) 0 0)}.stage::after{content:"";position:absolute;top:0;bottom:0;left:var(--at);width:2px;margin-left:-1px;background:#fff;box-shadow:0 0 4px #000}
.tools{display:flex;flex-wrap:wrap;gap:10px;align-items:center;margin-top:10px}.tools input{flex:1;min-width:160px}.tools button,.tools select{font:inherit;padding:4px 12px;border:1px solid var(--line);border-radius:7px;background:var(--bg);color:inherit}
.holds{color:var(--c2);font-weight:600}.fails{color:var(--c1);font-weight:600}
@media (max-width:600px){body{padding:16px 12px 40px}.row figure{width:calc(50% - 4px)}h1{font-size:22px}.bars{grid-template-columns:1fr}}
`;

/** The script: puts the pictures in, and opens one beside another. */
export const SCRIPT = `
const pictures=JSON.parse(document.getElementById("data").textContent);
for(const image of document.querySelectorAll("[data-source]"))image.src=pictures[image.dataset.source];
const dialog=document.querySelector("dialog");
if(dialog){
const [under,over]=dialog.querySelectorAll("img"),slider=dialog.querySelector("input"),[choice,zoom]=dialog.querySelectorAll("select"),stage=dialog.querySelector(".stage");
let shown;
const place=()=>stage.style.setProperty("--at",slider.value+"%");
const compare=()=>{over.src=pictures[shown[choice.value]];};
for(const button of document.querySelectorAll("[data-picture]"))button.addEventListener("click",()=>{
shown=button.dataset;under.src=pictures[shown.picture];dialog.querySelector("h3").textContent=shown.caption;slider.value=50;place();compare();dialog.showModal();});
slider.addEventListener("input",place);choice.addEventListener("change",compare);
const enlarge=()=>{stage.style.setProperty("--zoom",zoom.value);stage.classList.toggle("large",zoom.value>1);};zoom.addEventListener("change",enlarge);
const drag=(event)=>{if(event.type==="pointermove"&&!event.buttons)return;const box=stage.getBoundingClientRect();slider.value=100*(event.clientX-box.left)/box.width;place();};
stage.addEventListener("pointerdown",(event)=>{stage.setPointerCapture(event.pointerId);drag(event);});stage.addEventListener("pointermove",drag);
dialog.addEventListener("click",(event)=>{if(event.target===dialog)dialog.close();});
dialog.querySelector("button").addEventListener("click",()=>dialog.close());
}
`;
