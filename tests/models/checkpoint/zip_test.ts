import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { bytesByteSource, type ByteSource } from "../../../models/checkpoint/byte_source.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import {
  locateZipEntry,
  MAX_ZIP_DIRECTORY_BYTES,
  MAX_ZIP_ENTRIES,
  readZipDirectory,
} from "../../../models/checkpoint/zip.ts";
import { handmadeZip } from "./handmade_zip.ts";

const FIRST = { name: "a/data.pkl", data: Uint8Array.of(1, 2, 3) };
const SECOND = { name: "a/data/0", data: Uint8Array.of(4, 5, 6, 7) };

function sourceOf(bytes: Uint8Array): ByteSource {
  return bytesByteSource(bytes, "test.pt");
}

/** Data of every entry. */
async function contents(bytes: Uint8Array): Promise<[string, number[]][]> {
  const source = sourceOf(bytes);
  const found: [string, number[]][] = [];
  for (const entry of (await readZipDirectory(source)).values()) {
    found.push([entry.name, [...await source.read(await locateZipEntry(source, entry), entry.size)]]);
  }
  return found;
}

const BOTH: [string, number[]][] = [["a/data.pkl", [1, 2, 3]], ["a/data/0", [4, 5, 6, 7]]];

Deno.test("readZipDirectory() reads stored entries", async () => {
  assertEquals(await contents(handmadeZip([FIRST, SECOND])), BOTH);
  assertEquals(await contents(handmadeZip([])), []);
});

Deno.test("readZipDirectory() reads entries whose data are aligned by padding in the local header", async () => {
  assertEquals(await contents(handmadeZip([FIRST, { ...SECOND, padding: 37 }])), BOTH);
});

Deno.test("readZipDirectory() reads zip64 archives", async () => {
  assertEquals(await contents(handmadeZip([FIRST, SECOND], { zip64: true })), BOTH);
});

Deno.test("readZipDirectory() reads archives with a comment, even one that looks like an end record", async () => {
  assertEquals(
    await contents(handmadeZip([FIRST, SECOND], { comment: "made by hand PK\x05\x06 and so on, long enough" })),
    BOTH,
  );
});

Deno.test("readZipDirectory() reads zip64 fields behind other extra fields, only for what does not fit", async () => {
  const extra = Uint8Array.of(0x99, 0x99, 2, 0, 7, 7, 1, 0, 8, 0, 4, 0, 0, 0, 0, 0, 0, 0);
  assertEquals(await contents(handmadeZip([FIRST, { ...SECOND, extra, declared: { size: 0xffffffff } }])), BOTH);
});

type Case = [title: string, message: string, bytes: Uint8Array];

const CASES: Case[] = [
  ["an empty file", "no record at its end says where the directory is", new Uint8Array(0)],
  ["bytes without an end record", "no record at its end says where", new Uint8Array(100)],
  [
    "a name with ..",
    `directory entry 0 at byte 42 is named "a/../b", a plain relative path is needed`,
    handmadeZip([{ name: "a/../b", data: new Uint8Array(6) }]),
  ],
  ["a name that begins with ..", `is named "../b"`, handmadeZip([{ ...FIRST, name: "../b" }])],
  ["a name that ends in ..", `is named "a/.."`, handmadeZip([{ ...FIRST, name: "a/.." }])],
  ["an absolute name", `is named "/etc/passwd"`, handmadeZip([{ ...FIRST, name: "/etc/passwd" }])],
  ["a name with a drive", `is named "C:x"`, handmadeZip([{ ...FIRST, name: "C:x" }])],
  ["a name with a backslash", `is named "a\\\\..\\\\b"`, handmadeZip([{ ...FIRST, name: "a\\..\\b" }])],
  ["a name with NUL", `is named "a\\u0000b"`, handmadeZip([{ ...FIRST, name: "a\0b" }])],
  ["an empty name", `is named ""`, handmadeZip([{ ...FIRST, name: "" }])],
  ["a name with a dot as a part", `is named "./a"`, handmadeZip([{ ...FIRST, name: "./a" }])],
  ["a name that comes twice", `entry "a/data.pkl" comes twice`, handmadeZip([FIRST, FIRST])],
  ["an encrypted entry", `entry "a/data.pkl" is encrypted`, handmadeZip([{ ...FIRST, flags: 1 }])],
  [
    "sizes that differ though the entry is stored",
    `entry "a/data.pkl" has 3 bytes in the archive for 5 bytes`,
    handmadeZip([{ ...FIRST, declared: { size: 5 } }]),
  ],
  [
    "sizes that differ in the zip64 field, where the packed one comes second",
    `entry "a/data.pkl" has 3 bytes in the archive for 5 bytes`,
    handmadeZip([{ ...FIRST, declared: { size: 5 } }], { zip64: true }),
  ],
  [
    "an entry that is longer than the archive",
    `entry "a/data.pkl" of 4000000000 bytes at byte 0 overlaps the directory at byte 43`,
    handmadeZip([{ ...FIRST, declared: { size: 4e9, packed: 4e9 } }]),
  ],
  [
    "an entry beyond 2^53",
    `entry "a/data.pkl" of ${2 ** 52} bytes at byte 0 overlaps the directory`,
    handmadeZip([{ ...FIRST, declared: { size: 2 ** 52, packed: 2 ** 52 } }], { zip64: true }),
  ],
  [
    "a zip64 size beyond 2^53",
    `entry "a/data.pkl" has no zip64 field with a number up to 2^53 - 1`,
    handmadeZip([{ ...FIRST, declared: { size: 2 ** 63, packed: 2 ** 63 } }], { zip64: true }),
  ],
  [
    "a missing zip64 field",
    `entry "a/data.pkl" has no zip64 field`,
    handmadeZip([{ ...FIRST, declared: { size: 0xffffffff } }]),
  ],
  [
    "an extra field that is too long",
    `entry "a/data.pkl" has an extra field that goes beyond`,
    handmadeZip([{ ...FIRST, extra: Uint8Array.of(1, 0, 200, 0) }]),
  ],
  [
    "half an extra field",
    `entry "a/data.pkl" has an extra field that goes beyond`,
    handmadeZip([{ ...FIRST, extra: Uint8Array.of(1) }]),
  ],
  [
    "entries on the same bytes",
    `entry "a/data.pkl" of 3 bytes at byte 0 overlaps entry "a/data/0" at byte 0`,
    handmadeZip([FIRST, { ...SECOND, declared: { header: 0 } }]),
  ],
  [
    "more entries than the limit",
    `it has ${MAX_ZIP_ENTRIES + 1} entries, at most ${MAX_ZIP_ENTRIES} are allowed`,
    handmadeZip([FIRST], { zip64: true, declared: { count: MAX_ZIP_ENTRIES + 1 } }),
  ],
  [
    "more entries than its directory can hold",
    "is too short for 3 entries",
    handmadeZip([FIRST], { declared: { count: 3 } }),
  ],
  [
    "fewer entries than its directory holds",
    "its 1 directory entries have 56 bytes, the directory 110",
    handmadeZip([FIRST, SECOND], { declared: { count: 1 } }),
  ],
  [
    "a directory beyond the file",
    "its directory of 56 bytes at byte 4000 does not end at byte 99",
    handmadeZip([FIRST], { declared: { begin: 4000 } }),
  ],
  [
    "a directory that is larger than the file",
    "its directory of 4294967294 bytes at byte 43 does not end at byte 99",
    handmadeZip([FIRST], { declared: { size: 0xfffffffe } }),
  ],
  [
    "a directory at a wrong place",
    "does not begin with the signature PK 1 2",
    handmadeZip([FIRST], { declared: { begin: 0, size: 99 } }),
  ],
];

for (const [title, message, bytes] of CASES) {
  Deno.test(`readZipDirectory() refuses ${title}`, async () => {
    const error = await assertRejects(() => readZipDirectory(sourceOf(bytes)), CheckpointError, message);
    assertStringIncludes(error.message, `Cannot load "test.pt" as a zip archive: `);
  });
}

Deno.test("readZipDirectory() refuses a directory above the limit without reading it", async () => {
  const size = MAX_ZIP_DIRECTORY_BYTES + 1;
  const tail = handmadeZip([], { declared: { size, begin: 0 } });
  const source: ByteSource = {
    name: "large.pt",
    size: size + tail.length,
    read(offset: number, length: number): Promise<Uint8Array> {
      assertEquals(length <= 0x10000 + 22, true);
      const bytes = new Uint8Array(length);
      const end = tail.subarray(Math.max(0, offset - size), Math.max(0, offset + length - size));
      bytes.set(end, length - end.length);
      return Promise.resolve(bytes);
    },
  };
  await assertRejects(
    () => readZipDirectory(source),
    CheckpointError,
    `at most ${MAX_ZIP_DIRECTORY_BYTES} are allowed`,
  );
});

Deno.test("readZipDirectory() refuses zip64 end records that lie", async () => {
  const refuses = async (change: (view: DataView) => void, message: string): Promise<void> => {
    const bytes = handmadeZip([FIRST], { zip64: true });
    change(new DataView(bytes.buffer));
    await assertRejects(() => readZipDirectory(sourceOf(bytes)), CheckpointError, message);
  };
  const end = handmadeZip([FIRST], { zip64: true }).length - 22;
  await refuses((view) => view.setUint16(end + 10, 2, true), "disagree on the count of the directory: 2, 1");
  await refuses((view) => view.setUint32(end + 16, 1, true), "disagree on the begin of the directory: 1, 43");
  await refuses((view) => view.setUint32(end - 8, 1, true), "locator points to 4294967");
  await refuses(
    (view) => view.setUint32(end - 12, 1, true),
    "record at byte 1 does not begin with the signature PK 6 6",
  );
  await refuses((view) => view.setUint32(end - 20 - 56 + 44, 0x200000, true), "has a number beyond 2^53 - 1");
});

const LOCAL_CASES: Case[] = [
  [
    "another name",
    "has another name than the directory says",
    handmadeZip([{ ...FIRST, localName: "a/data/1" }, SECOND]),
  ],
  [
    "another header",
    "does not begin with the signature PK 3 4",
    handmadeZip([SECOND, { ...FIRST, declared: { header: 43 }, padding: 9 }]),
  ],
  [
    "a compressed entry",
    `entry "a/data.pkl" is compressed (deflate), stored entries are needed`,
    handmadeZip([{ ...FIRST, method: 8 }]),
  ],
  [
    "an entry of another method",
    `entry "a/data.pkl" is compressed (method 77)`,
    handmadeZip([{ ...FIRST, method: 77 }]),
  ],
];

for (const [title, message, bytes] of LOCAL_CASES) {
  Deno.test(`locateZipEntry() refuses ${title}`, async () => {
    const entry = (await readZipDirectory(sourceOf(bytes))).get("a/data.pkl")!;
    await assertRejects(() => locateZipEntry(sourceOf(bytes), entry), CheckpointError, message);
  });
}

Deno.test("locateZipEntry() refuses a local header whose padding pushes the data into what follows", async () => {
  const bytes = handmadeZip([FIRST, SECOND]);
  bytes[28] = 1;
  const entry = (await readZipDirectory(sourceOf(bytes))).get("a/data.pkl")!;
  await assertRejects(
    () => locateZipEntry(sourceOf(bytes), entry),
    CheckpointError,
    "puts its 3 bytes at byte 41, what follows begins at byte 43",
  );
});
