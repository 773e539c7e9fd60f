import { assert, assertEquals } from "@std/assert";
import {
  arrowViolations,
  cycleViolations,
  denoViolations,
  type Files,
  importsOf,
  lengthViolations,
  machinePathViolations,
  readRepository,
} from "./support/architecture.ts";

const repository = await readRepository();

function files(entries: Record<string, string>): Files {
  return new Map(Object.entries(entries));
}

Deno.test("every import goes strictly down and enters a room through its mod.ts", () => {
  assertEquals(arrowViolations(repository), []);
});

Deno.test("no room holds a cycle of imports", () => {
  assertEquals(cycleViolations(repository), []);
});

Deno.test("no module is longer than 400 lines", () => {
  assertEquals(lengthViolations(repository), []);
});

Deno.test("only adapter, io, cli, package, bench, tools, tests and the studio's programs name Deno", () => {
  assertEquals(denoViolations(repository), []);
});

Deno.test("no text holds a path of somebody's machine", () => {
  assertEquals(machinePathViolations(repository), []);
});

Deno.test("readRepository() finds code in every folder of code", () => {
  const folders = new Set([...repository.keys()].map((path) => path.split("/")[0]));
  for (
    const folder of [
      "engine",
      "kernels",
      "models",
      "operators",
      "samplers",
      "metrics",
      "conformance",
      "profiling",
      "report",
      "io",
      "cli",
      "studio",
      "tests",
    ]
  ) {
    assert(folders.has(folder), folder);
  }
});

Deno.test("readRepository() leaves out what commands wrote beside the code", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["evaluation", "evaluation-results"]) await Deno.mkdir(`${folder}/${name}`);
    const ours = ["README.md", "deno.json", "evaluation/a.json"];
    for (
      const path of [...ours, "sample-restored.json", "evaluation-results/plan.json", "evaluation-results/report.html"]
    ) {
      await Deno.writeTextFile(`${folder}/${path}`, "{}");
    }
    assertEquals([...(await readRepository(new URL(`file://${folder}/`))).keys()].sort(), ours);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("importsOf() sees every form of import and tells types apart", () => {
  const text = `import { a } from "./a.ts";
import type { B } from './b.ts';
import { type C, type D } from "./c.ts";
import { type E, f } from "./e.ts";
import g, { type H } from "./g.ts";
import * as i from "./i.ts";
import "./j.ts";
import {
  type K,
  l,
} from "./k.ts";
export { m } from "./m.ts";
export type { N } from "./n.ts";
export * from "./o.ts";
const p = await import("./p.ts");
/**
 * import { no } from "./comment.ts";
 */
// import { no } from "./comment.ts";
/*
import { no } from "./comment.ts";
*/
export const q = "from";
const text = \`a from "b"\`;
`;
  const imports = importsOf(text).map(({ specifier, typeOnly }) => specifier.slice(2, 3) + (typeOnly ? " type" : ""));
  assertEquals(imports, ["a", "b type", "c type", "e", "g", "i", "j", "k", "m", "n type", "o", "p"]);
});

Deno.test("arrowViolations() names upward, sideways and unknown arrows", () => {
  const up = files({ "engine/a.ts": 'import { b } from "../kernels/mod.ts";' });
  assertEquals(arrowViolations(up), ['engine/a.ts: may not import kernels ("../kernels/mod.ts")']);
  const sideways = files({ "models/deep/a.ts": 'export { b } from "../../operators/mod.ts";' });
  assertEquals(arrowViolations(sideways), ['models/deep/a.ts: may not import operators ("../../operators/mod.ts")']);
  const toTests = files({ "cli/a.ts": 'import "../tests/support/a.ts";' });
  assertEquals(arrowViolations(toTests), ['cli/a.ts: may not import tests ("../tests/support/a.ts")']);
  assertEquals(arrowViolations(files({ "extra/a.ts": "" })), ['extra/a.ts: "extra" is no room']);
  const settings = 'import settings from "../deno.json" with { type: "json" };';
  assertEquals(arrowViolations(files({ "cli/a.ts": settings })), []);
  assertEquals(arrowViolations(files({ "engine/a.ts": settings })), ['engine/a.ts: may not import  ("../deno.json")']);
  const example = files({
    "examples/a.ts": 'import "@shortcut/shortcut";\nimport "@shortcut/shortcut/engine";\nimport "npm:pngjs";\n' +
      'import { b } from "../engine/mod.ts";',
    "mod.ts": 'export { b } from "./cli/mod.ts";\nexport { c } from "./engine/mod.ts";',
  });
  assertEquals(arrowViolations(example), [
    'examples/a.ts: may not import "npm:pngjs"',
    'examples/a.ts: may not import engine ("../engine/mod.ts")',
    'mod.ts: may not import cli ("./cli/mod.ts")',
  ]);
});

Deno.test("restoration imports neither files nor commands, not even their types, and does not name Deno", () => {
  const wrong = files({
    "restoration/a.ts": 'import type { ImageFile } from "../io/mod.ts";\n' +
      'import type { Arguments } from "../cli/arguments.ts";\nconst file = await Deno.readFile("x");',
  });
  assertEquals(arrowViolations(wrong), [
    'restoration/a.ts: may not import io ("../io/mod.ts")',
    'restoration/a.ts: may not import cli ("../cli/arguments.ts")',
  ]);
  assertEquals(denoViolations(wrong), ["restoration/a.ts: names Deno"]);
  const room = [...repository].filter(([path]) => path.startsWith("restoration/"));
  assert(room.length > 0);
  for (const [path, text] of room) assert(!/\b(Arguments|FileError)\b/.test(text), path);
});

Deno.test("arrowViolations() wants the mod.ts, types where only types may pass, and no packages in the library", () => {
  const deep = files({ "kernels/a.ts": 'import type { B } from "../engine/op.ts";' });
  assertEquals(arrowViolations(deep), ['kernels/a.ts: enters engine through "../engine/op.ts"']);
  const value = files({ "samplers/a.ts": 'import { b } from "../models/mod.ts";' });
  assertEquals(arrowViolations(value), ["samplers/a.ts: may import types only from models"]);
  const npm = files({ "metrics/a.ts": 'import { b } from "node:fs";' });
  assertEquals(arrowViolations(npm), ['metrics/a.ts: imports "node:fs", a browser cannot load it']);
  const allowed = files({
    "samplers/a.ts":
      'import type { B } from "../models/mod.ts";\nimport { c } from "../operators/mod.ts";\nimport "./b.ts";',
    "io/a.ts": 'import { PNG } from "pngjs";\nimport { type D } from "../engine/mod.ts";',
    "tests/a/b_test.ts": 'import { c } from "../../models/checkpoint/half.ts";',
  });
  assertEquals(arrowViolations(allowed), []);
});

Deno.test("the studio imports neither files nor commands, few packages, and names Deno where it is served alone", () => {
  const wrong = files({
    "studio/a.ts": 'import { a } from "../io/mod.ts";\nimport { b } from "../cli/main.ts";\nimport { c } from "pngjs";',
    "studio/components/b.ts": 'import { h } from "preact";\nconst file = await Deno.readFile("x");',
    "studio/serve.ts": "Deno.serve(() => new Response());",
  });
  assertEquals(arrowViolations(wrong), [
    'studio/a.ts: may not import io ("../io/mod.ts")',
    'studio/a.ts: may not import cli ("../cli/main.ts")',
    'studio/a.ts: may not import "pngjs"',
  ]);
  assertEquals(denoViolations(wrong), ["studio/components/b.ts: names Deno"]);
});

Deno.test("cycleViolations() shows the way round", () => {
  const ring = files({
    "engine/a.ts": 'import { b } from "./b.ts";',
    "engine/b.ts": 'import type { C } from "./deep/c.ts";',
    "engine/deep/c.ts": 'export { a } from "../a.ts";',
    "engine/d.ts": 'import "./a.ts";',
  });
  assertEquals(cycleViolations(ring), ["cycle: engine/a.ts -> engine/b.ts -> engine/deep/c.ts -> engine/a.ts"]);
});

Deno.test("lengthViolations() counts lines without the last newline", () => {
  assertEquals(lengthViolations(files({ "cli/a.ts": "x\n".repeat(400), "README.md": "x\n".repeat(500) })), []);
  assertEquals(lengthViolations(files({ "cli/a.ts": "x\n".repeat(401) })), ["cli/a.ts: 401 lines, at most 400"]);
});

Deno.test("denoViolations() reads code and not comments", () => {
  const code = files({
    "engine/a.ts": "export const a = Deno.args;",
    "kernels/a.ts": "const g = globalThis.Deno?.pid;",
  });
  assertEquals(denoViolations(code), ["engine/a.ts: names Deno", "kernels/a.ts: names Deno"]);
  const fine = files({ "engine/a.ts": "// As on Deno.\n/** Like `Deno.args`. */\n", "io/a.ts": "Deno.args;" });
  assertEquals(denoViolations(fine), []);
});

Deno.test("machinePathViolations() finds absolute folders of users and not relative ones", () => {
  const path = ["", "home", "someone", "a.png"].join("/");
  assertEquals(machinePathViolations(files({ "a.md": `see\n\`${path}\`` })), ["a.md:2: machine path"]);
  assertEquals(machinePathViolations(files({ "a.md": "a/home/b ./root.c https://example.org/home/d ~/tmp/x" })), []);
});
