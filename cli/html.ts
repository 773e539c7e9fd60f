/** What the pages that commands write have in common: one file each that needs no other, light and dark. */

/** Text for HTML, in elements and attributes. */
export function escapeText(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => names[character] ?? character);
}

/** A whole page. */
export function htmlDocument(
  { title, style, body, script }: {
    readonly title: string;
    /** Rules beside those that all pages have. */
    readonly style: string;
    readonly body: string;
    readonly script: string;
  },
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
${body}
<script>${script}</script>
</body>
</html>
`;
}

const STYLE = `
:root {
  --page: #f7f7f5; --panel: #ffffff; --ink: #1c1d21; --soft: #5d616b; --line: #dcdde1; --slot: #eeeef0;
  --c0: #3d7dd8; --c1: #e08a1e; --c2: #2f9e77; --c3: #b04fc4; --c4: #d1495b; --c5: #2aa5b8; --c6: #8d8a2b; --c7: #8b919d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15161a; --panel: #1e2026; --ink: #ececf0; --soft: #a3a8b4; --line: #363a44; --slot: #282b33;
    --c0: #5b97ec; --c1: #e9a04a; --c2: #4bbd94; --c3: #c678d8; --c4: #e8707f; --c5: #4fc0d2; --c6: #b5b154; --c7: #868d9b;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1300px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 26px; } h2 { margin: 0 0 8px; font-size: 18px; } p { margin: 4px 0 10px; color: var(--soft); }
section { margin: 20px 0; padding: 18px 20px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0; padding: 0; list-style: none; font-size: 14px; }
.key { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 3px; }
.scroll { overflow-x: auto; margin-bottom: 14px; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .c0 { fill: var(--c0); } svg .c1 { fill: var(--c1); } svg .c2 { fill: var(--c2); } svg .c3 { fill: var(--c3); }
svg .c4 { fill: var(--c4); } svg .c5 { fill: var(--c5); } svg .c6 { fill: var(--c6); } svg .c7 { fill: var(--c7); }
b.c0 { background: var(--c0); } b.c1 { background: var(--c1); } b.c2 { background: var(--c2); } b.c3 { background: var(--c3); }
b.c4 { background: var(--c4); } b.c5 { background: var(--c5); } b.c6 { background: var(--c6); } b.c7 { background: var(--c7); }
.grid { stroke: var(--line); }
table { width: 100%; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
tbody tr:hover { background: var(--slot); } details { margin-top: 10px; } summary { cursor: pointer; padding: 4px 0; }
`;
