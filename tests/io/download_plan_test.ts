import { assertEquals, assertThrows } from "@std/assert";
import { planDownload } from "../../io/mod.ts";
import { KNOWN_CHECKPOINTS } from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";

const HASH = "0123456789abcdef".repeat(4);
const published = KNOWN_CHECKPOINTS.find(({ download }) => download !== undefined)!;
const byBrowser = KNOWN_CHECKPOINTS.find(({ download }) => download === undefined)!;

Deno.test("planDownload() puts what is published into the folder under its own name", () => {
  const { name, file, download, sha256 } = published;
  const plan = { url: download!, path: `models-downloaded/${file}`, known: published, sha256 };
  assertEquals(planDownload(name), plan);
  assertEquals(planDownload(file), plan);
  assertEquals(planDownload(download!, { folder: "there" }), { ...plan, path: `there/${file}` });
  const elsewhere = { from: "http://127.0.0.1/x", sha256: HASH.toUpperCase(), out: "net.pt" };
  assertEquals(planDownload(byBrowser.name, elsewhere), {
    url: elsewhere.from,
    path: "net.pt",
    known: byBrowser,
    sha256: HASH,
  });
});

Deno.test("planDownload() names the file of any other address by its last part", () => {
  const plan = planDownload("http://127.0.0.1/a/net.pt?x=1", { folder: "f" });
  assertEquals(plan, { url: "http://127.0.0.1/a/net.pt?x=1", path: "f/net.pt", known: undefined, sha256: undefined });
  assertEquals(planDownload("http://127.0.0.1/", { out: "net.pt" }).path, "net.pt");
});

Deno.test("planDownload() refuses what has no address, no name or no hash", () => {
  const refused = (text: string, ...request: Parameters<typeof planDownload>): void => {
    assertThrows(() => planDownload(...request), UsageError, text);
  };
  refused("there is no known checkpoint", "no-such-network");
  refused(`save ${byBrowser.file} in "f"`, byBrowser.name, { folder: "f" });
  refused("give one with --out FILE", "http://127.0.0.1/");
  refused("give one with --out FILE", "http://127.0.0.1/%20");
  refused("--from belongs to the name", "http://127.0.0.1/x.pt", { from: "http://127.0.0.1/y.pt" });
  refused("64 hexadecimal digits are needed", published.name, { sha256: HASH.slice(1) });
});
