/** Files of the program, beside it on this machine or at an address. */
import { assertEquals, assertRejects } from "@std/assert";
import { FileError, programFile } from "../../io/mod.ts";

Deno.test("programFile() names a file beside the program by its path, with spaces in it", async () => {
  assertEquals(await programFile(new URL("file:///a%20b/c.png")), "/a b/c.png");
});

Deno.test("programFile() fetches a file of a program at an address, and says where it cannot", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) => url.endsWith("/sample.png") ? new Response("a picture") : new Response(null, { status: 404 }),
  );
  const address = `http://127.0.0.1:${server.addr.port}/`;
  try {
    const path = await programFile(new URL("default/sample.png", address));
    assertEquals([await Deno.readTextFile(path), path.endsWith("-sample.png")], ["a picture", true]);
    await Deno.remove(path);
    await assertRejects(() => programFile(new URL("other.png", address)), FileError, "the server answered 404");
  } finally {
    await server.shutdown();
  }
});
