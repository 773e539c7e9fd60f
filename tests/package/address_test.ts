/**
 * The program as Deno installs it: from a folder and from an address on this machine. Deno may ask npm's registry for the
 * readers of picture formats.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

/** Serves the repository on this machine while a body runs. */
async function served(body: (address: string) => Promise<void>): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    const bytes = await Deno.readFile(new URL(`.${pathname}`, ROOT)).catch(() => undefined);
    const type = pathname.endsWith(".ts") ? "application/typescript" : "application/octet-stream";
    return bytes ? new Response(bytes, { headers: { "content-type": type } }) : new Response(null, { status: 404 });
  });
  try {
    await body(`http://127.0.0.1:${server.addr.port}/`);
  } finally {
    await server.shutdown();
  }
}

/** Installs the program from a folder or an address under a root of its own, and runs it on some command lines. */
async function outcomes(entry: string, ...lines: readonly (readonly string[])[]): Promise<readonly unknown[]> {
  const folder = await Deno.makeTempDir({ prefix: "shortcut install " });
  try {
    const run = async (program: string, args: readonly string[]): Promise<{ code: number; text: string }> => {
      const env = { DENO_INSTALL_ROOT: folder, NO_COLOR: "1", PATH: `${await denoFolder()}:${Deno.env.get("PATH")}` };
      const command = new Deno.Command(program, { args: [...args], cwd: folder, env, stdin: "null" });
      const { code, stdout, stderr } = await command.output();
      return { code, text: new TextDecoder().decode(code === 0 ? stdout : stderr) };
    };
    const words = ["install", "--quiet", "--global", "-A", "--name=shortcut", entry];
    const installed = await run(Deno.execPath(), words);
    assertEquals(installed.code, 0, installed.text);
    const results: unknown[] = [];
    for (const line of lines) results.push(await run(`${folder}/bin/shortcut`, line));
    return results;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The folder of the Deno that runs the tests. */
async function denoFolder(): Promise<string> {
  return (await Deno.realPath(Deno.execPath())).replace(/[\\/][^\\/]*$/, "");
}

const VERSION = { code: 0, text: `shortcut ${settings.version}\n` };

Deno.test({
  name: "deno install --global takes the program from a folder, without a look at the lock file",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const entry = new URL("package/shortcut.ts", ROOT).pathname;
    const [version, typo] = await outcomes(entry, ["--version"], ["restor"]);
    assertEquals(version, VERSION);
    assertEquals((typo as { readonly code: number }).code, 2);
  },
});

Deno.test({
  name: "deno install --global takes the program from an address, and what it cannot do there it says",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await served(async (address) => {
      const [version, help, studio] = await outcomes(
        `${address}package/shortcut.ts`,
        ["--version"],
        ["restore", "--help"],
        ["studio"],
      ) as { readonly code: number; readonly text: string }[];
      assertEquals(version, VERSION);
      assertStringIncludes(help!.text, "Usage: shortcut restore");
      assertEquals(studio!.code, 2);
      assertStringIncludes(studio!.text, "run it in a clone of the repository");
    });
  },
});
