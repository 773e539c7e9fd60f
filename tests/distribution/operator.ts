/** An operator of NATS servers with one account: signed claims instead of passwords. */
import { nkeys } from "@nats-io/transport-node";

/** Whoever signs: an operator, an account or a user. */
type Key = ReturnType<typeof nkeys.createUser>;

const UNLIMITED = -1;

/** Claims, as a text that a key has signed. */
function signed(key: Key, sub: string, nats: object, more: object = {}): string {
  const header = { typ: "JWT", alg: "ed25519-nkey" };
  const claims = {
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: key.getPublicKey(),
    name: "test",
    sub,
    ...more,
    nats: { version: 2, ...nats },
  };
  const text = [header, claims].map((part) => base64(new TextEncoder().encode(JSON.stringify(part)))).join(".");
  return `${text}.${base64(key.sign(new TextEncoder().encode(text)))}`;
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** An operator with its account. */
export class Operator {
  readonly #operator = nkeys.createOperator();
  readonly #account = nkeys.createAccount();
  /** The account of servers themselves, without which they have no JetStream. */
  readonly #system = nkeys.createAccount();

  /** Lines of the configuration of a server that believes it. */
  get settings(): string {
    const [operator, account, system] = [this.#operator, this.#account, this.#system].map((key) => key.getPublicKey());
    const counts = ["subs", "data", "payload", "imports", "exports", "conn", "leaf"];
    const storage = ["mem_storage", "disk_storage", "streams", "consumer"];
    const limits = Object.fromEntries([...counts, ...storage].map((name) => [name, UNLIMITED]));
    const claims = (own: object): object => ({ type: "account", limits: { ...own, wildcards: true } });
    const plain = Object.fromEntries(counts.map((name) => [name, UNLIMITED]));
    return `operator: ${signed(this.#operator, operator!, { type: "operator" })}\n` +
      `resolver: MEMORY\nsystem_account: ${system}\nresolver_preload: {\n` +
      `${account}: ${signed(this.#operator, account!, claims(limits))}\n` +
      `${system}: ${signed(this.#operator, system!, claims(plain))}\n}\n`;
  }

  /**
   * A new user of the account, as the text of a `.creds` file.
   * @param seconds how long it may be used from now on
   * @returns the text, and the secret in it
   */
  user(seconds = 3600): { readonly text: string; readonly secret: string } {
    const key = nkeys.createUser();
    const limits = { subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED };
    const exp = Math.floor(Date.now() / 1000) + seconds;
    const token = signed(this.#account, key.getPublicKey(), { type: "user", ...limits, pub: {}, sub: {} }, { exp });
    const secret = new TextDecoder().decode(key.getSeed());
    const block = (name: string, line: string): string => `-----BEGIN ${name}-----\n${line}\n------END ${name}------\n`;
    return { text: `${block("NATS USER JWT", token)}\n${block("USER NKEY SEED", secret)}`, secret };
  }
}
