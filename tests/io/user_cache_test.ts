import { assertEquals } from "@std/assert";
import { cacheFolder } from "../../io/user_cache.ts";

function folder(os: typeof Deno.build.os, variables: Readonly<Record<string, string>>): string | undefined {
  return cacheFolder({ os, env: (name) => variables[name] });
}

Deno.test("the cache folder is where each system keeps caches", () => {
  assertEquals(folder("linux", { HOME: "/h" }), "/h/.cache/shortcut");
  assertEquals(folder("linux", { HOME: "/h", XDG_CACHE_HOME: "/c" }), "/c/shortcut");
  assertEquals(folder("darwin", { HOME: "/h" }), "/h/Library/Caches/shortcut");
  assertEquals(folder("windows", { LOCALAPPDATA: "C:\\u", HOME: "/h" }), "C:\\u\\shortcut");
});

Deno.test("a relative path of the environment counts for nothing, and without a home there is no cache folder", () => {
  assertEquals(folder("linux", { HOME: "/h", XDG_CACHE_HOME: "c" }), "/h/.cache/shortcut");
  for (const variables of [{}, { HOME: "" }, { HOME: "h" }]) assertEquals(folder("linux", variables), undefined);
  assertEquals(folder("windows", { HOME: "/h" }), undefined);
});

Deno.test("where the environment may not be read there is no cache folder", async () => {
  const module = new URL("../../io/user_cache.ts", import.meta.url).href;
  const program = `import { cacheFolder } from "${module}"; console.log(cacheFolder());`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const child = new Deno.Command(Deno.execPath(), { args: ["run", "--no-prompt", "--allow-read", file] });
    const { stdout, stderr } = await child.output();
    assertEquals(new TextDecoder().decode(stdout), "undefined\n", new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(file);
  }
});
