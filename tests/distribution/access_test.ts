/** Who may use a server: tokens, users, and encrypted connections; and that no message holds a secret. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseAddress } from "../../distribution/address.ts";
import type { NatsConnection } from "@nats-io/transport-node";
import { connectTo, QueueError } from "../../distribution/connection.ts";
import { UsageError } from "../../parameters/mod.ts";
import { Queue } from "../../distribution/queue.ts";
import { natsTest } from "./nats_server.ts";
import { Operator } from "./operator.ts";

const SECRET = "s3cret";

function note(): void {}

Deno.test("parseAddress() reads servers with users and tokens, and its errors do not tell them", () => {
  const plain = { isEncrypted: false, user: "", password: "" };
  assertEquals(parseAddress("nats://h.example", "--serve"), { ...plain, host: "h.example:4222" });
  assertEquals(parseAddress("nats://tok%2Fen@h:1", "--serve"), { ...plain, host: "h:1", user: "tok/en" });
  const expected = { isEncrypted: true, user: "me", password: SECRET, host: "h:1" };
  assertEquals(parseAddress(`tls://me:${SECRET}@h:1/`, "--serve"), expected);
  for (
    const wrong of [`http://me:${SECRET}@h`, `nats://me:${SECRET}@h/x`, `nats://me:${SECRET}@h?x`, `${SECRET}`, ""]
  ) {
    const error = assertThrows(() => parseAddress(wrong, "--serve"), UsageError, "--serve is no address");
    assert(!error.message.includes(SECRET), error.message);
  }
});

natsTest(
  "a token is taken from the address and from a file, and is needed",
  async ({ server: { host }, folder }) => {
    const file = `${folder}/token`;
    await Deno.writeTextFile(file, `${SECRET}\n`);
    await (await connectTo(parseAddress(`nats://${SECRET}@${host}`, "x"), {}, note)).close();
    await (await connectTo(parseAddress(`nats://${host}`, "x"), { credentials: file }, note)).close();
    const wrong = parseAddress(`nats://${SECRET}0@${host}`, "x");
    // Often, as a reset of the connection comes late in some of them, and must not end the program.
    for (let time = 0; time < 200; time++) {
      const error = await assertRejects(() => connectTo(wrong, {}, note), QueueError, "the server refuses this user");
      assert(!error.message.includes(SECRET), error.message);
    }
    await Deno.writeTextFile(file, `${SECRET}\n${SECRET}\n${SECRET}\n`);
    const many = await assertRejects(
      () => connectTo(parseAddress(`nats://${host}`, "x"), { credentials: file }, note),
      UsageError,
      "has 3 lines",
    );
    assert(!many.message.includes(SECRET), many.message);
  },
  () => `authorization { token: "${SECRET}" }`,
);

natsTest(
  "an encrypted connection with a user and a password; a certificate of a stranger is refused",
  async ({ server: { host }, folder }) => {
    const file = `${folder}/user`;
    await Deno.writeTextFile(file, `me\n${SECRET}\n`);
    const address = parseAddress(`tls://${host}`, "x");
    const files = { credentials: file, authority: `${folder}/cert.pem` };
    await (await connectTo(address, files, note)).close();
    await assertRejects(
      () => connectTo(address, { credentials: file }, note),
      QueueError,
      "the encrypted connection failed",
    );
    const plain = parseAddress(`nats://${host}`, "x");
    await assertRejects(() => connectTo(plain, files, note), UsageError, "write the address with tls://");
  },
  async (folder) => {
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const made = ["-newkey", "rsa:2048", "-nodes", "-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`];
    const args = ["req", "-x509", "-days", "2", ...made, ...subject];
    const { success } = await new Deno.Command("openssl", { args, stderr: "null" }).output();
    assert(success, "openssl makes a certificate");
    return `authorization { user: "me", password: "${SECRET}" }\n` +
      `tls { cert_file: "${folder}/cert.pem", key_file: "${folder}/key.pem" }`;
  },
);

const operator = new Operator();

natsTest(
  "a .creds file of a user is enough for a queue; users of another operator, and too late, are refused",
  async ({ server: { host }, folder }) => {
    const address = parseAddress(`nats://${host}`, "x");
    const at = async (text: string): Promise<NatsConnection> => {
      await Deno.writeTextFile(`${folder}/user.creds`, text);
      return await connectTo(address, { credentials: `${folder}/user.creds` }, note);
    };
    const connection = await at(operator.user().text);
    const queue = await Queue.open(connection, host, "test");
    await queue.prepare(2);
    await queue.put("input/a", new Uint8Array([1, 2, 3]));
    assertEquals(await queue.take("input/a", 100), new Uint8Array([1, 2, 3]));
    await queue.remove();
    await connection.close();
    for (const { text, secret } of [new Operator().user(), operator.user(-60)]) {
      const error = await assertRejects(() => at(text), QueueError, "the server refuses this user");
      assert(!error.message.includes(secret), error.message);
    }
  },
  () => operator.settings,
);

natsTest("a server that is not there, and one without JetStream access, are named with what to do", async () => {
  const gone = parseAddress("nats://127.0.0.1:9", "x");
  await assertRejects(() => connectTo(gone, {}, note), QueueError, "Cannot reach 127.0.0.1:9: no server answers there");
});
