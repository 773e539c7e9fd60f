/** Metrics of an evaluation for Prometheus, on a port of this machine that no other one reaches. */
import { QueueError } from "./connection.ts";

/** The one address that is listened at. */
const HOST = "127.0.0.1";

/** What Prometheus calls its text format. */
const TEXT = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Serves a text at `http://127.0.0.1:PORT/metrics`, until it is disposed of.
 * @throws {QueueError} if the port is taken, or may not be listened at by the permissions of this program
 */
export function serveMetrics(port: number, text: () => string): AsyncDisposable {
  if (Deno.permissions.querySync({ name: "net", host: `${HOST}:${port}` }).state !== "granted") {
    throw new QueueError(
      `Cannot serve metrics at ${HOST}:${port}: this program was started without the permission for it; start it by ` +
        "deno task evaluate:nats, which may listen at the port that is named and no other",
    );
  }
  const handler = (request: Request): Response => {
    const { pathname } = new URL(request.url);
    if (pathname !== "/metrics") return new Response("metrics are at /metrics\n", { status: 404 });
    if (request.method !== "GET") return new Response("GET is needed\n", { status: 405 });
    return new Response(text(), { headers: { "content-type": TEXT } });
  };
  try {
    return Deno.serve({ hostname: HOST, port, handler, onListen: () => {} });
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "another program listens there; choose another --metrics"
      : `${(error as Error).message}; choose another --metrics`;
    throw new QueueError(`Cannot serve metrics at ${HOST}:${port}: ${reason}`);
  }
}
