import { assertEquals } from "@std/assert";
import { shellQuoted, shellWord } from "../../parameters/mod.ts";

const PLAIN = ["--task", "sr4", "a/b-1.png", "user@host:x", "50%", "a,b=c+d"];
const OTHERS = ["", "my net.pt", "it's", "$HOME", "a;b", "*.png", "~", 'say "no"', "line\nbreak", "`date`", "\\"];

Deno.test("shellWord() leaves plain words as they are and quotes all others", () => {
  assertEquals(PLAIN.map(shellWord), PLAIN);
  assertEquals(OTHERS.map(shellWord), OTHERS.map(shellQuoted));
  assertEquals(shellWord("it's small.png"), "'it'\\''s small.png'");
  assertEquals(shellWord(""), "''");
});

Deno.test({
  name: "a shell reads what shellWord() and shellQuoted() write as the words that they are of",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
    const words = [...PLAIN, ...OTHERS];
    for (const written of [words.map(shellWord), words.map(shellQuoted)]) {
      const script = `printf '%s\\0' ${written.join(" ")}`;
      const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
      assertEquals(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
    }
  },
});
