/** What is said where Dawn cannot be loaded. */
import { assertEquals, assertRejects } from "@std/assert";
import { adaptersOf } from "../../cli/runtime.ts";
import { parseCommand } from "../../cli/arguments.ts";
import { VERIFY } from "../../cli/verify.ts";
import { DAWN_VERSION, FileError, openDawn } from "../../io/mod.ts";
import { UsageError } from "../../parameters/mod.ts";

const { state } = await Deno.permissions.query({ name: "ffi" });

/** Runs a body with another place for Deno's cache. */
async function withCache(folder: string, body: () => Promise<void>): Promise<void> {
  const before = Deno.env.get("DENO_DIR");
  Deno.env.set("DENO_DIR", folder);
  try {
    await body();
  } finally {
    if (before === undefined) Deno.env.delete("DENO_DIR");
    else Deno.env.set("DENO_DIR", before);
  }
}

Deno.test("openDawn() names the permission, or the command that fetches the package", async () => {
  await withCache("/nowhere", async () => {
    const needed = state === "granted" ? `deno cache --no-lock npm:webgpu@${DAWN_VERSION}` : "run it with --allow-ffi";
    await assertRejects(openDawn, FileError, needed);
  });
});

Deno.test({
  name: "openDawn() finds the package under any registry, and says which file does not load",
  ignore: state !== "granted",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/npm/some.registry/webgpu/${DAWN_VERSION}/index.js`;
    try {
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(file, 'throw new Error("broken");');
      await withCache(folder, async () => {
        await assertRejects(openDawn, FileError, `Cannot load Dawn from "${file}": broken`);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("--gpu dawn refuses an API of Deno's own WebGPU; without it nothing changes", async () => {
  const options = async (...words: string[]): Promise<unknown> => {
    const args = parseCommand(VERIFY.spec, [...words, "x.safetensors"]);
    return args === "help" ? args : await adaptersOf(args);
  };
  assertEquals(await options(), {});
  assertEquals(await options("--gpu", "deno", "--backend", "vulkan"), { backend: "vulkan" });
  await assertRejects(() => options("--gpu", "dawn", "--backend", "vulkan"), UsageError, "leave it out, or --gpu dawn");
});
