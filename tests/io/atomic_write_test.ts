import { assert, assertEquals, assertRejects } from "@std/assert";
import { atomicWriter, writeAtomically } from "../../io/atomic_write.ts";
import { FileError } from "../../io/file_error.ts";
import { writePng } from "../../io/image_file.ts";
import { flushesAndRenames, writingLittle } from "./disk.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

/** Runs `body` in a folder on a file system of its own; says why if that cannot be had. */
async function onTmpfs(options: string, body: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const mount = async (...args: string[]): Promise<boolean> => {
      try {
        return (await new Deno.Command(args[0]!, { args: args.slice(1), stderr: "null" }).output()).success;
      } catch {
        return false;
      }
    };
    if (!await mount("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)) {
      // deno-lint-ignore no-console
      console.log("skipped: mounting a tmpfs needs Linux and root");
      return;
    }
    try {
      await body(folder);
    } finally {
      assert(await mount("umount", folder), "the tmpfs must be free to be unmounted: no file may be left open");
    }
  });
}

Deno.test("writeAtomically() writes and replaces a file and leaves nothing else", async () => {
  await inFolder(async (folder) => {
    await writeAtomically(`${folder}/a`, Uint8Array.of(1, 2, 3));
    await writeAtomically(`${folder}/a`, Uint8Array.of(4));
    assertEquals(await Deno.readFile(`${folder}/a`), Uint8Array.of(4));
    assertEquals(names(folder), ["a"]);
  });
});

Deno.test("atomicWriter() shows the old file until commit and joins what was written", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a`, "old");
    const writer = await atomicWriter(`${folder}/a`);
    await writer.write(Uint8Array.of(110, 101));
    assertEquals(await Deno.readTextFile(`${folder}/a`), "old");
    await writer.write(Uint8Array.of(119));
    await writer.commit();
    await writer.abort();
    assertEquals(await Deno.readTextFile(`${folder}/a`), "new");
    assertEquals(names(folder), ["a"]);
    await assertRejects(() => writer.write(Uint8Array.of(1)), FileError, "was committed already");
  });
});

Deno.test("commit() flushes to the disk before the file gets its name", async () => {
  await inFolder(async (folder) => {
    const order = await flushesAndRenames(() => writeAtomically(`${folder}/a`, Uint8Array.of(1)));
    assertEquals(order, ["flush", "rename"]);
    assertEquals(names(folder), ["a"]);
  });
});

Deno.test("writeAtomically() writes all bytes where the disk takes few at a time", async () => {
  await inFolder(async (folder) => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7);
    await writingLittle(3, () => writeAtomically(`${folder}/a`, bytes));
    assertEquals(await Deno.readFile(`${folder}/a`), bytes);
  });
});

Deno.test("commit() keeps the old file where the disk does not take the new one", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a`, "old");
    const { sync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.sync = () => Promise.reject(new Error("the disk is gone"));
    try {
      const writing = writeAtomically(`${folder}/a`, new TextEncoder().encode("new"));
      await assertRejects(() => writing, FileError, "the disk is gone");
    } finally {
      Deno.FsFile.prototype.sync = sync;
    }
    assertEquals(await Deno.readTextFile(`${folder}/a`), "old");
    assertEquals(names(folder), ["a"]);
  });
});

Deno.test("atomicWriter() leaves the old file and nothing else after abort", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a`, "old");
    const writer = await atomicWriter(`${folder}/a`);
    await writer.write(new Uint8Array(5000));
    await writer.abort();
    await writer.abort();
    assertEquals(await Deno.readTextFile(`${folder}/a`), "old");
    assertEquals(names(folder), ["a"]);
    await assertRejects(() => writer.commit(), FileError, "was aborted already");
  });
});

Deno.test("atomicWriter() aborted during a write leaves nothing behind", async () => {
  await inFolder(async (folder) => {
    const writer = await atomicWriter(`${folder}/a`);
    const writing = writer.write(new Uint8Array(1 << 24)).then(() => writer.commit()).catch((error) => error);
    await writer.abort();
    assert((await writing) instanceof FileError);
    assertEquals(names(folder), []);
  });
});

Deno.test("atomicWriter() follows a symbolic link and takes the longest names", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/real`);
    await Deno.writeTextFile(`${folder}/real/a`, "old");
    await Deno.symlink(`${folder}/real/a`, `${folder}/link`);
    await writeAtomically(`${folder}/link`, new TextEncoder().encode("new"));
    assert((await Deno.lstat(`${folder}/link`)).isSymlink);
    assertEquals(await Deno.readTextFile(`${folder}/real/a`), "new");
    await writeAtomically(`${folder}/${"n".repeat(255)}`, Uint8Array.of(1));
    assertEquals(names(`${folder}/real`), ["a"]);
  });
});

Deno.test("atomicWriter() says what is wrong with a path before anything is written", async () => {
  await inFolder(async (folder) => {
    const missing = `${folder}/none/a.png`;
    await assertRejects(
      () => atomicWriter(missing),
      FileError,
      `Cannot write "${missing}": the folder "${folder}/none/" does not exist`,
    );
    await assertRejects(() => atomicWriter(folder), FileError, "names a directory");
    await assertRejects(() => atomicWriter(`${folder}/new/`), FileError, "names a directory");
    await assertRejects(() => atomicWriter(""), FileError, "names a directory");
    await Deno.writeTextFile(`${folder}/file`, "x");
    await assertRejects(() => atomicWriter(`${folder}/file/a.png`), FileError, "a file where a directory is needed");
    assertEquals(names(folder), ["file"]);
  });
});

Deno.test("writePng() to a full disk says so, keeps the old file and leaves nothing behind", async () => {
  await onTmpfs("size=64k", async (folder) => {
    await Deno.writeTextFile(`${folder}/a.png`, "old");
    const samples = crypto.getRandomValues(new Uint8Array(60_000));
    const noise = new Uint8Array(120_000);
    noise.set(samples);
    noise.set(samples.toReversed(), 60_000);
    const image = { width: 300, height: 400, channels: 1, bitDepth: 8, samples: noise } as const;
    await assertRejects(() => writePng(`${folder}/a.png`, image), FileError, "no space is left on the disk");
    assertEquals(names(folder), ["a.png"]);
    assertEquals(await Deno.readTextFile(`${folder}/a.png`), "old");
  });
});

Deno.test("atomicWriter() says that a folder is read-only", async () => {
  await onTmpfs("ro,size=64k", async (folder) => {
    await assertRejects(
      () => atomicWriter(`${folder}/a.png`),
      FileError,
      "is not writable: the file system is read-only",
    );
    assertEquals(names(folder), []);
  });
});

Deno.test("atomicWriter() says that a folder must not be written to", async () => {
  await inFolder(async (folder) => {
    if (Deno.uid() === 0) {
      // deno-lint-ignore no-console
      console.log("skipped: root may write everywhere");
      return;
    }
    await Deno.chmod(folder, 0o555);
    await assertRejects(() => atomicWriter(`${folder}/a.png`), FileError, "is not writable: the permission is missing");
    await Deno.chmod(folder, 0o755);
    assertEquals(names(folder), []);
  });
});
