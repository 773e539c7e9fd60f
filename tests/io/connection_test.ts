import { assertEquals, assertRejects } from "@std/assert";
import { followRedirects } from "../../io/connection.ts";
import { FileError } from "../../io/mod.ts";

/** Asks addresses that lead to one another; one without a place to lead to has the answer. */
async function followed(moves: Readonly<Record<string, string>>, start: string): Promise<readonly string[]> {
  const asked: string[] = [];
  await followRedirects(start, {}, (url, { redirect }) => {
    asked.push(url);
    assertEquals(redirect, "manual");
    const location = moves[url];
    return Promise.resolve(
      location === undefined
        ? new Response("there")
        : new Response(null, { status: 302, headers: { Location: location } }),
    );
  });
  return asked;
}

Deno.test("followRedirects() follows relative addresses, other servers, and the way into encryption", async () => {
  const moves = { "http://a/x/y": "z?1", "http://a/x/z?1": "//b/w", "http://b/w": "https://c/" };
  assertEquals(await followed(moves, "http://a/x/y"), ["http://a/x/y", "http://a/x/z?1", "http://b/w", "https://c/"]);
});

Deno.test("followRedirects() refuses the way out of encryption before it asks there", async () => {
  const moves = { "https://a/x": "https://b/x", "https://b/x": "http://b/x" };
  await assertRejects(() => followed(moves, "https://a/x"), FileError, '"http://b/x", which is not encrypted');
});

Deno.test("followRedirects() refuses circles, long ways and addresses of other kinds", async () => {
  const circle = { "http://a/1": "/2", "http://a/2": "/3", "http://a/3": "/4", "http://a/4": "/2" };
  await assertRejects(() => followed(circle, "http://a/1"), FileError, 'to "http://a/2", and from there on round');
  const long = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`http://a/${i}`, `/${i + 1}`]));
  await assertRejects(() => followed(long, "http://a/0"), FileError, "more than 10 other addresses");
  assertEquals((await followed(long, "http://a/1")).length, 11);
  for (const location of ["file:///etc/hosts", "data:,x", "http://"]) {
    await assertRejects(() => followed({ "http://a/": location }, "http://a/"), FileError, "http: or https: is needed");
  }
});
