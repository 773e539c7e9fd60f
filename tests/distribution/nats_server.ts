/** NATS servers for tests: processes of their own on free ports of this machine, with JetStream in a temporary folder. */
import { missingProgram } from "./debian.ts";

const PROGRAM = "nats-server";

/** Why there is no server; undefined where there is one. */
export const missing = await missingProgram(PROGRAM, [PROGRAM]);
// deno-lint-ignore no-console -- a skipped test must say why
if (missing !== undefined) console.log(`Evaluations on several machines are not tried: ${missing}`);

/** A server of a test. */
export interface TestServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The number of its process. */
  readonly pid: number;
  /** Ends it as a power cut would, and starts it again on the same port. */
  restart(options?: { readonly isEmptied?: boolean; readonly away?: number }): Promise<void>;
}

/** What `natsTest` gives a test. */
export interface NatsTest {
  readonly server: TestServer;
  /** An empty folder. */
  readonly folder: string;
}

/**
 * A test with a server of its own.
 * @param settings lines of its configuration
 */
export function natsTest(
  name: string,
  body: (test: NatsTest) => Promise<void>,
  settings: (folder: string) => string | Promise<string> = () => "",
): void {
  // Connections and timers of the client end a moment after it was closed.
  Deno.test({ name, ignore: missing !== undefined, sanitizeOps: false, sanitizeResources: false, fn: run });

  async function run(): Promise<void> {
    await withServer(body, settings);
  }
}

/**
 * Runs something with a server of its own.
 * @param settings lines of its configuration
 */
export async function withServer(
  body: (test: NatsTest) => Promise<void>,
  settings: (folder: string) => string | Promise<string> = () => "",
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const host = `127.0.0.1:${port}`;
  const store = `${folder}/jetstream`;
  await Deno.writeTextFile(
    `${folder}/nats.conf`,
    `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: "${store}" }\n${await settings(folder)}\n`,
  );
  let child = await start(folder, port);
  const restart: TestServer["restart"] = async ({ isEmptied = false, away = 0 } = {}) => {
    child.kill("SIGKILL");
    await child.status;
    if (isEmptied) await Deno.remove(store, { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, away));
    child = await start(folder, port);
  };
  try {
    const server = {
      host,
      restart,
      get pid(): number {
        return child.pid;
      },
    };
    await body({ server, folder });
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
}

/** A port of this machine where nothing listens. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function start(folder: string, port: number): Promise<Deno.ChildProcess> {
  const args = ["-c", `${folder}/nats.conf`, "-l", `${folder}/nats.log`];
  const child = new Deno.Command(PROGRAM, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  for (let tries = 0; tries < 100; tries++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
    if (connection) {
      connection.close();
      return child;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nats-server did not start: ${await Deno.readTextFile(`${folder}/nats.log`)}`);
}
