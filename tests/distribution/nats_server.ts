/** NATS servers for tests: processes of their own on free ports of this machine, with JetStream in a temporary folder. */

const PROGRAM = "nats-server";

/** Finds the program; as root on Debian and Ubuntu installs it where it is missing. */
async function findServer(): Promise<string | undefined> {
  if (await succeeds(PROGRAM, ["--version"])) return undefined;
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    return `there is no ${PROGRAM}; install it with your package manager`;
  }
  const install = ["install", "-y", "--no-install-recommends", PROGRAM];
  if (!(await succeeds("apt-get", install))) {
    await succeeds("apt-get", ["update"]);
    if (!(await succeeds("apt-get", install))) return `there is no ${PROGRAM}, and apt-get could not install it`;
  }
  return await succeeds(PROGRAM, ["--version"]) ? undefined : `${PROGRAM} was installed and does not run`;
}

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  const command = new Deno.Command(program, { args: [...args], stdin: "null", stdout: "null", stderr: "null" });
  return await command.output().then(({ success }) => success, () => false);
}

const missing = await findServer();
// deno-lint-ignore no-console -- a skipped test must say why
if (missing !== undefined) console.log(`Evaluations on several machines are not tried: ${missing}`);

/** A server of a test. */
export interface TestServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
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
      await body({ server: { host, restart }, folder });
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    }
  }
}

function freePort(): number {
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
