/** Memory of the browser: what JavaScript holds, and what processes have taken. */
import type { CDPSession, Page } from "playwright-core";

/** Bytes that are in use. */
export interface Heap {
  /** Of objects, without those that nothing leads to. */
  readonly objects: number;
  /** Of array buffers. */
  readonly buffers: number;
}

/** Sends a command of the DevTools protocol. */
type Send = (method: string) => Promise<unknown>;

/** Commands to the worker of a page. */
async function workerCommands(session: CDPSession): Promise<Send> {
  const { promise: attached, resolve } = Promise.withResolvers<string>();
  session.on("Target.attachedToTarget", ({ sessionId, targetInfo: { url } }) => {
    if (url.endsWith("/worker.js")) resolve(sessionId);
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  const sessionId = await attached;
  const waiting = new Map<number, (result: unknown) => void>();
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message);
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  let sent = 0;
  return async (method) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    waiting.set(++sent, resolve);
    await session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id: sent, method }) });
    return await promise;
  };
}

async function heap(send: Send): Promise<Heap> {
  // What a collection finds is let go by tasks that run after it.
  for (let times = 0; times < 2; times++) await send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await send("Runtime.getHeapUsage") as Record<string, number>;
  return { objects: usedSize!, buffers: backingStorageSize! };
}

/** What measures page and worker, each behind a collection. */
export async function heapsOf(page: Page): Promise<() => Promise<{ readonly page: Heap; readonly worker: Heap }>> {
  const session = await page.context().newCDPSession(page);
  const worker = await workerCommands(session);
  const own: Send = (method) => session.send(method as "HeapProfiler.collectGarbage");
  return async () => ({ page: await heap(own), worker: await heap(worker) });
}

/** The greatest memory of any process that shows pages so far, in bytes. */
export async function peakOfTabs(page: Page): Promise<number> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const peaks = processInfo.filter(({ type }) => type === "renderer").map(async ({ id }) => {
    const status = await Deno.readTextFile(`/proc/${id}/status`);
    return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]);
  });
  return Math.max(...await Promise.all(peaks));
}
