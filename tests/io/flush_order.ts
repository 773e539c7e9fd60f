/** Watching that a file reaches the disk before it gets its name: a power cut between the two would leave it empty. */

/** Runs `body` and tells in which order it flushed and renamed files. */
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
