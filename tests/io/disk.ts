/** Disks as they may behave, and watching that a file reaches them before it gets its name. */

/**
 * Runs `body` and tells in which order it flushed and renamed files: a power cut after a rename without a flush would
 * leave an empty file.
 */
export async function flushesAndRenames(body: () => Promise<void>): Promise<readonly string[]> {
  const order: string[] = [];
  const [sync, rename] = [Deno.FsFile.prototype.sync, Deno.rename];
  Deno.FsFile.prototype.sync = async function (): Promise<void> {
    await sync.call(this);
    order.push("flush");
  };
  Deno.rename = async (from, to): Promise<void> => {
    order.push("rename");
    await rename(from, to);
  };
  try {
    await body();
  } finally {
    Deno.FsFile.prototype.sync = sync;
    Deno.rename = rename;
  }
  return order;
}

/** Runs `body` on a disk that takes at most `most` bytes at a time, as disks may. */
export async function writingLittle(most: number, body: () => Promise<void>): Promise<void> {
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = function (bytes): Promise<number> {
    return write.call(this, bytes.subarray(0, most));
  };
  try {
    await body();
  } finally {
    Deno.FsFile.prototype.write = write;
  }
}
