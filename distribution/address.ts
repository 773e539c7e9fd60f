/** Where a NATS server is, and how to show it who one is. */
import { UsageError } from "../parameters/mod.ts";

/** The port of NATS servers. */
const PORT = 4222;

/** A server, with what its address says of the user. */
export interface ServerAddress {
  /** `HOST:PORT`, which is all that messages show of an address. */
  readonly host: string;
  /** Whether the connection must be encrypted. */
  readonly isEncrypted: boolean;
  /** The user, or the token where there is no password. */
  readonly user: string;
  /** The password of the user. */
  readonly password: string;
}

/**
 * Reads `nats://[TOKEN@|USER:PASSWORD@]HOST[:PORT]`, or `tls://` for an encrypted connection.
 * @param place where it was found, for messages, which never hold the address: it may hold a password
 * @throws {UsageError} if it is no such address
 */
export function parseAddress(text: string, place: string): ServerAddress {
  const needed = "nats://HOST:4222 or tls://HOST:4222 is needed, with USER:PASSWORD@ or TOKEN@ before HOST if any";
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(`${place} is no address; ${needed}`);
  }
  const rest = url.pathname.replace("/", "") + url.search + url.hash;
  if (!["nats:", "tls:"].includes(url.protocol) || url.hostname === "" || rest !== "") {
    throw new UsageError(`${place} is no address of a NATS server; ${needed}`);
  }
  return {
    host: `${url.hostname}:${url.port === "" ? PORT : url.port}`,
    isEncrypted: url.protocol === "tls:",
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

/** How a user is known to a server, by the text of a file. */
export type Credentials =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "creds"; readonly text: string };

/**
 * Reads a file of credentials: a `.creds` file of NATS, one line with a token, or two with a user and a password.
 * @param path for messages, which never hold what the file holds
 * @throws {UsageError} if it is nothing of these
 */
export function parseCredentials(text: string, path: string): Credentials {
  if (text.includes("BEGIN NATS USER JWT")) return { kind: "creds", text };
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const [first, second] = lines;
  if (first !== undefined && lines.length === 1) return { kind: "token", token: first };
  if (first !== undefined && second !== undefined && lines.length === 2) {
    return { kind: "password", user: first, password: second };
  }
  throw new UsageError(
    `"${path}" has ${lines.length} lines, a .creds file, one line with a token, or two with a user and a password are ` +
      "needed",
  );
}
