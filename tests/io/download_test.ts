import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { download, type DownloadOptions, FileError } from "../../io/mod.ts";
import { type Folder, withFolder } from "../cli/run_command.ts";
import { type Answer, type FileServer, serveFile, tagOf } from "./file_server.ts";

const FILE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const OTHER = FILE.map((byte) => byte ^ 1);
const HASH = createHash("sha256").update(FILE).digest("hex");

/** Quick enough for tests. */
const QUICK: DownloadOptions = { pause: 1, idle: 5000, attempts: 3 };

interface Case {
  readonly folder: Folder;
  readonly server: FileServer;
  readonly path: string;
}

async function withServer(answers: readonly Answer[], body: (given: Case) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await using server = serveFile(FILE, ...answers);
    await body({ folder, server, path: folder.path("model.pt") });
  });
}

/** The download fails with a FileError that says `message`, and leaves exactly these files. */
async function refused(
  { server, path, folder }: Case,
  message: string,
  left: readonly string[],
  options: DownloadOptions = {},
): Promise<void> {
  const error = await assertRejects(() => download(server.url, path, { ...QUICK, ...options }), FileError);
  assertStringIncludes((error as Error).message, message);
  assertEquals(folder.list(), [...left]);
}

Deno.test("download() writes the file, tells progress and leaves nothing else", async () => {
  await withServer([], async ({ server, path, folder }) => {
    const seen: [string, number, number | undefined][] = [];
    const onProgress = (phase: string, done: number, total: number | undefined): void => {
      seen.push([phase, done, total]);
    };
    const result = await download(server.url, path, { ...QUICK, bytes: FILE.length, sha256: HASH, onProgress });
    assertEquals(result, { bytes: FILE.length, sha256: HASH, resumed: 0 });
    assertEquals(await Deno.readFile(path), FILE);
    assertEquals(folder.list(), ["model.pt"]);
    assertEquals(seen[0], ["download", 0, FILE.length]);
    assertEquals(seen.at(-1), ["check", FILE.length, FILE.length]);
    assert(seen.some(([phase, done]) => phase === "download" && done === FILE.length));
    assertEquals(server.asked, [{ path: "/model.pt", range: undefined, condition: undefined }]);
  });
});

Deno.test("download() goes on where a dropped connection stopped, on condition that the file is the same", async () => {
  await withServer([{ cutAfter: 100_000 }, { cutAfter: 50_000 }, {}], async ({ server, path }) => {
    const { sha256, resumed } = await download(server.url, path, QUICK);
    assertEquals([sha256, resumed], [HASH, 0]);
    assertEquals(server.asked.map(({ range }) => range), [undefined, "bytes=100000-", "bytes=150000-"]);
    assertEquals(server.asked[1]!.condition, tagOf(FILE));
  });
});

Deno.test("download() goes on with what an earlier run has left", async () => {
  await withServer([{ cutAfter: 100_000 }, { status: 503 }, { status: 503 }, {}], async (given) => {
    await refused(given, "the server answered 503", ["model.pt.part", "model.pt.part.json"], { attempts: 2 });
    const { sha256, resumed } = await download(given.server.url, given.path, QUICK);
    assertEquals([sha256, resumed], [HASH, 100_000]);
    assertEquals(given.server.asked.at(-1)!.range, "bytes=100000-");
    assertEquals(given.folder.list(), ["model.pt"]);
  });
});

Deno.test("download() counts nothing as resumed that it had to fetch again", async () => {
  const answers = [{ cutAfter: 100_000, file: OTHER }, { status: 404 }, { cutAfter: 50_000 }, {}];
  await withServer(answers, async (given) => {
    await refused(given, "404", ["model.pt.part", "model.pt.part.json"]);
    const { sha256, resumed } = await download(given.server.url, given.path, QUICK);
    assertEquals([sha256, resumed, given.server.asked[3]!.range], [HASH, 0, "bytes=50000-"]);
  });
});

Deno.test("download() checks a file that was complete before it was interrupted without fetching it again", async () => {
  await withServer([], async ({ server, path }) => {
    const stop = (phase: string): void => {
      if (phase === "check") throw new Error("stop");
    };
    await assertRejects(() => download(server.url, path, { ...QUICK, onProgress: stop }), Error, "stop");
    const { sha256, resumed } = await download(server.url, path, QUICK);
    assertEquals([sha256, resumed, server.asked.length], [HASH, FILE.length, 1]);
  });
});

Deno.test("download() begins again when the file has changed between two connections", async () => {
  await withServer([{ cutAfter: 100_000, file: OTHER }, {}], async ({ server, path }) => {
    assertEquals((await download(server.url, path, QUICK)).sha256, HASH);
    assertEquals(server.asked[1]!.range, "bytes=100000-");
  });
});

Deno.test("download() notices a changed file although the server ignores the condition", async () => {
  const answers = [{ cutAfter: 100_000, file: OTHER }, { ignoreCondition: true }, {}];
  await withServer(answers, async ({ server, path }) => {
    const notes: string[] = [];
    const result = await download(server.url, path, { ...QUICK, onNote: (text) => notes.push(text) });
    assertEquals(result.sha256, HASH);
    assert(notes.some((note) => note.includes("has changed")), notes.join());
    assertEquals(server.asked[2]!.range, undefined);
  });
});

Deno.test("download() takes the whole file from a server that ignores ranges", async () => {
  await withServer([{ cutAfter: 100_000 }, { ignoreRange: true }], async ({ server, path }) => {
    assertEquals((await download(server.url, path, QUICK)).sha256, HASH);
    assertEquals(server.asked.length, 2);
  });
});

Deno.test("download() gives up on a server that ignores ranges and drops every connection", async () => {
  await withServer([{ cutAfter: 100_000, ignoreRange: true }], async (given) => {
    await refused(given, "3 connections in a row brought nothing new", ["model.pt.part", "model.pt.part.json"]);
    assertEquals(given.server.asked.length, 4);
  });
});

Deno.test("download() joins no parts of files that nothing identifies, unless their hash is known", async () => {
  const nameless = { headers: { ETag: null } };
  await withServer([{ ...nameless, cutAfter: 100_000 }, nameless], async ({ server, path }) => {
    assertEquals((await download(server.url, path, QUICK)).sha256, HASH);
    assertEquals(server.asked[1]!.range, undefined);
  });
  await withServer([{ ...nameless, cutAfter: 100_000 }, nameless], async ({ server, path }) => {
    await download(server.url, path, { ...QUICK, sha256: HASH });
    assertEquals(server.asked[1], { path: "/model.pt", range: "bytes=100000-", condition: undefined });
  });
});

Deno.test("download() uses a date where the entity tag is weak", async () => {
  const headers = { ETag: 'W/"1"', "Last-Modified": "Wed, 21 Oct 2020 07:28:00 GMT" };
  const answers = [{ headers, cutAfter: 100_000 }, { headers, ignoreCondition: true }];
  await withServer(answers, async ({ server, path }) => {
    assertEquals((await download(server.url, path, QUICK)).sha256, HASH);
    assertEquals(server.asked[1]!.condition, "Wed, 21 Oct 2020 07:28:00 GMT");
  });
});

Deno.test("download() refuses a server that announces more than it has", async () => {
  await withServer([{ headers: { "Content-Length": "400000" } }], async (given) => {
    await refused(given, "3 connections in a row brought nothing new", []);
  });
});

Deno.test("download() refuses a file of another size before it fetches it", async () => {
  await withServer([{ headers: { "Content-Length": "1000" } }], async (given) => {
    await refused(given, "the server has 1000 bytes, 300000 are expected", [], { bytes: FILE.length });
  });
  await withServer([{ headers: { "Content-Length": null } }], async (given) => {
    await refused(given, "the server sends more than the 1000 bytes", [], { bytes: 1000 });
  });
  await withServer([{ headers: { "Content-Length": null } }], async (given) => {
    await refused(given, "the server has 300000 bytes, 400000 are expected", [], { bytes: 400_000 });
  });
});

Deno.test("download() takes a file whose length is not announced", async () => {
  await withServer([{ headers: { "Content-Length": null } }], async ({ server, path }) => {
    assertEquals(await download(server.url, path, QUICK), { bytes: FILE.length, sha256: HASH, resumed: 0 });
  });
});

Deno.test("download() refuses more bytes than the range that it asked for", async () => {
  const longer = new Uint8Array([...FILE, 1, 2, 3]);
  const range = { "Content-Range": "bytes 100000-299999/300000", ETag: tagOf(FILE) };
  const answers = [{ cutAfter: 100_000 }, { file: longer, headers: range, ignoreCondition: true }];
  await withServer(answers, (given) => refused(given, "sends more than the 300000 bytes", []));
});

Deno.test("download() refuses another range than the one that it asked for", async () => {
  const answers = [{ cutAfter: 100_000 }, { headers: { "Content-Range": "bytes 7-299999/300000" } }];
  await withServer(
    answers,
    (given) => refused(given, "bytes from 100000 on were asked for", ["model.pt.part", "model.pt.part.json"]),
  );
});

Deno.test("download() keeps nothing of a file with a wrong hash", async () => {
  await withServer([{ file: OTHER }], async (given) => {
    await refused(given, `${HASH} is needed`, [], { sha256: HASH });
  });
});

Deno.test("download() begins again when the server has no more bytes", async () => {
  await withServer([{ cutAfter: 100_000 }, { status: 416 }, {}], async ({ server, path }) => {
    assertEquals((await download(server.url, path, QUICK)).sha256, HASH);
    assertEquals(server.asked[2]!.range, undefined);
  });
});

Deno.test("download() refuses missing files, web pages, compressed answers and empty files", async () => {
  await withServer([{ status: 404 }], (given) => refused(given, "the server answered 404", []));
  const page = { "Content-Type": "text/html; charset=utf-8" };
  await withServer([{ headers: page }], (given) => refused(given, "a web page instead of a file", []));
  await withServer([{ file: new Uint8Array() }], (given) => refused(given, "0 bytes came", []));
});

Deno.test("download() tries a server again that is overloaded", async () => {
  await withServer([{ status: 503 }, { status: 429 }, {}], async ({ server, path }) => {
    assertEquals((await download(server.url, path, QUICK)).sha256, HASH);
    assertEquals(server.asked.length, 3);
  });
});

Deno.test("download() drops a connection that brings nothing for too long", async () => {
  await withServer([{ hangAfter: 100_000 }, { hangAfter: 0 }, {}], async ({ server, path }) => {
    const notes: string[] = [];
    const onNote = (text: string): void => void notes.push(text);
    assertEquals((await download(server.url, path, { ...QUICK, idle: 150, onNote })).sha256, HASH);
    assertEquals(notes, Array(2).fill("nothing came for 0.15 s after 100000 bytes; connecting again"));
  });
});

Deno.test("download() stops at once on a signal and keeps what has arrived", async () => {
  await withServer([{ hangAfter: 100_000 }, {}], async ({ server, path, folder }) => {
    const stop = new AbortController();
    const onProgress = (_: string, done: number): void => {
      if (done === 100_000) setTimeout(() => stop.abort(new Error("enough")), 10);
    };
    await assertRejects(
      () => download(server.url, path, { ...QUICK, onProgress, signal: stop.signal }),
      Error,
      "enough",
    );
    assertEquals(folder.list(), ["model.pt.part", "model.pt.part.json"]);
    assertEquals((await download(server.url, path, QUICK)).resumed, 100_000);
  });
});

Deno.test("download() follows redirects, and resumes at the place that they lead to", async () => {
  await withServer([{ cutAfter: 100_000 }, {}], async ({ server, path }) => {
    const moved = { status: 302, headers: { Location: server.url } };
    await using first = serveFile(FILE, moved);
    assertEquals((await download(first.url, path, QUICK)).sha256, HASH);
    assertEquals(server.asked.map(({ range }) => range), [undefined, "bytes=100000-"]);
  });
});

Deno.test("download() starts over for another address", async () => {
  await withServer([{ cutAfter: 100_000 }, { status: 404 }, {}], async (given) => {
    await refused(given, "404", ["model.pt.part", "model.pt.part.json"]);
    const { sha256, resumed } = await download(`${given.server.url}?2`, given.path, QUICK);
    assertEquals([sha256, resumed, given.server.asked[2]!.range], [HASH, 0, undefined]);
  });
});

Deno.test("download() starts over where the note of an earlier run is unreadable", async () => {
  await withServer([], async ({ server, path, folder }) => {
    folder.write("model.pt.part", OTHER.subarray(0, 5000));
    folder.write("model.pt.part.json", new TextEncoder().encode('{"url": '));
    assertEquals((await download(server.url, path, QUICK)).sha256, HASH);
    assertEquals(server.asked[0]!.range, undefined);
  });
});

Deno.test("download() refuses a second download to the same path, other protocols and missing folders", async () => {
  await withServer([{ hangAfter: 100_000 }], async ({ server, path, folder }) => {
    const stop = new AbortController();
    const first = download(server.url, path, { ...QUICK, signal: stop.signal });
    while (server.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await assertRejects(() => download(server.url, path, QUICK), FileError, "another process is downloading it");
    stop.abort(new Error("enough"));
    await assertRejects(() => first, Error, "enough");
    await assertRejects(() => download("file:///model.pt", path, QUICK), FileError, "begins with http: or https:");
    await assertRejects(() => download("model.pt", path, QUICK), FileError, "begins with http: or https:");
    const elsewhere = folder.path("missing/model.pt");
    await assertRejects(() => download(server.url, elsewhere, QUICK), FileError, "there is no such file or folder");
  });
});

Deno.test("download() says that nobody answers", async () => {
  await withFolder(async (folder) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    const path = folder.path("model.pt");
    const refusal = assertRejects(() => download(`http://127.0.0.1:${port}/`, path, QUICK), FileError);
    assertStringIncludes(((await refusal) as Error).message, "the connection failed");
    assertEquals(folder.list(), []);
  });
});
