/** The connection to a NATS server. It is made anew whenever it breaks, to the one host that was named and no other. */
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  type TlsOptions,
} from "@nats-io/transport-node";
import { readText } from "../io/mod.ts";
import { UsageError } from "../parameters/mod.ts";
import { parseCredentials, type ServerAddress } from "./address.ts";

/** A connection could not be had, or what is needed is not on the server. */
export class QueueError extends Error {
  /** Name of the class. */
  override readonly name = "QueueError";
}

/** Milliseconds between two tries to connect again. */
const RETRY = 500;

/** Milliseconds between two questions whether the server is still there; after two without an answer it is not. */
const PING = 10_000;

/** Milliseconds that the first connection may take. */
const FIRST = 10_000;

/** How a server is reached, besides its address. */
export interface ConnectionFiles {
  /** A file with a token, a user and a password, or a NATS user with its key. */
  readonly credentials?: string | undefined;
  /** A file with the certificates of whoever signed that of the server; by default those that Deno trusts. */
  readonly authority?: string | undefined;
}

/**
 * Connects to a server.
 * @param note told when the connection breaks and when it is back
 * @throws {QueueError} if the server is not there, refuses, or may not be reached by the permissions of this program
 * @throws {FileError} if a file cannot be read
 */
export async function connectTo(
  address: ServerAddress,
  { credentials, authority }: ConnectionFiles,
  note: (text: string) => void,
): Promise<NatsConnection> {
  const { host, isEncrypted, user, password } = address;
  if (Deno.permissions.querySync({ name: "net", host }).state !== "granted") {
    throw new QueueError(
      `Cannot reach ${host}: this program was started without the permission for it; start it by ` +
        "deno task evaluate:nats, which may reach the host that is named and no other",
    );
  }
  if (credentials !== undefined && user !== "") {
    throw new UsageError("the address names a user already; leave --credentials or the user in the address out");
  }
  if (authority !== undefined && !isEncrypted) {
    throw new UsageError("--certificates is for encrypted connections; write the address with tls://");
  }
  const options: NodeConnectionOptions = {
    servers: host,
    name: "evaluate",
    timeout: FIRST,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY,
    pingInterval: PING,
    // A server may name others of its cluster, which this program may not reach.
    ignoreClusterUpdates: true,
    // The permission for one port does not include looking a name up; connecting to the name does.
    resolve: false,
    ...(user === "" ? {} : password === "" ? { token: user } : { user, pass: password }),
    ...(credentials === undefined ? {} : await optionsOf(credentials)),
    ...(isEncrypted ? { tls: await encryptionOf(host, authority) } : {}),
  };
  globalThis.addEventListener("error", ignoreLateReset);
  try {
    const connection = await connect(options);
    void tellStatus(connection, host, note);
    return connection;
  } catch (error) {
    throw new QueueError(`Cannot reach ${host}: ${reasonOf(error)}`);
  }
}

/**
 * Ignores what a socket says of a connection that was given up: by then the client has taken its listeners off, and without
 * this one the program would end, a refused user with it.
 */
function ignoreLateReset(event: ErrorEvent): void {
  if (["ECONNRESET", "EPIPE"].includes((event.error as { readonly code?: string } | null)?.code ?? "")) {
    event.preventDefault();
  }
}

async function optionsOf(path: string): Promise<NodeConnectionOptions> {
  const found = parseCredentials(await readText(path), path);
  switch (found.kind) {
    case "token":
      return { token: found.token };
    case "password":
      return { user: found.user, pass: found.password };
    case "creds":
      return { authenticator: credsAuthenticator(new TextEncoder().encode(found.text)) };
  }
}

/** The client tells Node the names of servers alone; a certificate may be of an address, which has to be compared, too. */
async function encryptionOf(
  host: string,
  authority: string | undefined,
): Promise<TlsOptions & { readonly host: string }> {
  const { hostname } = new URL(`tls://${host}`);
  const ca = authority === undefined ? {} : { ca: await readText(authority) };
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), ...ca };
}

/** Why there is no connection, and what to do, in words without what only one of us may know. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/authorization|authentication|credentials/i.test(text)) {
    return "the server refuses this user; check --credentials, or the user in the address";
  }
  if (/refused/i.test(text)) return "no server answers there; start nats-server -js, or check the address";
  if (/certificate|tls|ssl|unknown ?issuer/i.test(text)) {
    return `the encrypted connection failed (${text}); check tls:// and --certificates`;
  }
  return `${text}; check the address, and that nats-server -js runs there`;
}

async function tellStatus(connection: NatsConnection, host: string, note: (text: string) => void): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === "disconnect") note(`The connection to ${host} is lost; trying again`);
    if (type === "reconnect") note(`The connection to ${host} is back`);
  }
}
