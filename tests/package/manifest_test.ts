/** What the npm package says of itself, and how its modules name each other. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };
import { withPackageSpecifiers } from "../../package/files.ts";
import { DENO_VERSION, packageManifest, packageSettings, packagesIn, type Project } from "../../package/manifest.ts";

const PROJECT = settings as unknown as Project;

Deno.test("withPackageSpecifiers() names modules as JavaScript, and mapped names by their files", () => {
  const imports = { "@std/cli/parse-args": "./compat/std/parse_args.ts", pngjs: "npm:pngjs@7.0.0" };
  const text = `import { parseArgs } from "@std/cli/parse-args";
import { PNG } from "pngjs";
export * from "../a/b_c.ts";
const d = await import("./d.ts"), e = new URL("./e.ts", import.meta.url);
const words = "see x.ts and ./y.ts", data = "../default/prior.safetensors";
`;
  const made = `import { parseArgs } from "../compat/std/parse_args.js";
import { PNG } from "pngjs";
export * from "../a/b_c.js";
const d = await import("./d.js"), e = new URL("./e.js", import.meta.url);
const words = "see x.ts and ./y.ts", data = "../default/prior.safetensors";
`;
  assertEquals(withPackageSpecifiers(text, "io/f.js", imports), made);
  assertEquals(withPackageSpecifiers('"@std/cli/parse-args"', "mod.js", imports), '"./compat/std/parse_args.js"');
  assertEquals(withPackageSpecifiers('"@std/cli/parse-args"', "a/b/c.js", imports), '"../../compat/std/parse_args.js"');
});

Deno.test("packagesIn() finds packages by their names, with parts of them", () => {
  const { imports } = PROJECT;
  assertEquals(packagesIn('import { PNG } from "pngjs";\nawait import("@jsquash/webp/decode.js");', imports), [
    "@jsquash/webp",
    "pngjs",
  ]);
  assertEquals(packagesIn('const text = "pngjs"; import "./pngjs.js"; import "@std/assert";', imports), []);
});

Deno.test("packageManifest() pins what it depends on as deno.json does, Deno among it", async () => {
  const { dependencies, version, bin } = packageManifest(PROJECT, ["pngjs", "@jsquash/webp"]) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly version: string;
    readonly bin: unknown;
  };
  assertEquals(dependencies, { deno: DENO_VERSION, pngjs: "7.0.0", "@jsquash/webp": "1.5.0" });
  assertEquals([version, bin], [settings.version, { shortcut: "package/shortcut.js" }]);
  assertThrows(() => packageManifest(PROJECT, ["@std/assert"]), Error, 'the version of "@std/assert"');
  const renamed = { ...PROJECT, imports: { png: "npm:pngjs@7.0.0" } };
  assertThrows(() => packageManifest(renamed, ["png"]), Error, 'maps it to "npm:pngjs@7.0.0"');
  const ci = await Deno.readTextFile(new URL("../../.ci/run", import.meta.url));
  assert(ci.includes(`deno@${DENO_VERSION} `), "tests run on the version that is installed");
});

Deno.test("packageSettings() has the commands with what they may do, and nothing of the development", () => {
  const { tasks, permissions } = packageSettings(PROJECT, ["cli/main.ts", "adapter/setup.ts"]) as {
    readonly tasks: Readonly<Record<string, { readonly command: string }>>;
    readonly permissions: Readonly<Record<string, unknown>>;
  };
  for (const name of ["restore", "models", "verify", "studio", "setup"]) assert(name in tasks, name);
  for (const name of ["test", "docs", "bench", "mutate", "adapter"]) assert(!(name in tasks), name);
  assert(Object.values(tasks).every(({ command }) => !/\.ts\b/.test(command)));
  assertEquals(Object.keys(permissions), ["default", "verify", "files", "models", "setup"]);
  assertEquals(tasks["studio"], { ...settings.tasks.studio, command: "" }, "its modules are not in the package");
  assertEquals(permissions["default"], settings.permissions.default);
});
