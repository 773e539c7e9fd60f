import { assertEquals } from "@std/assert";
import { CALLER_VARIABLE, callerPath } from "../../io/mod.ts";

async function inFolder(caller: string | undefined, body: () => void): Promise<void> {
  const [here, before] = [Deno.cwd(), Deno.env.get(CALLER_VARIABLE)];
  const folder = await Deno.makeTempDir();
  const set = (value: string | undefined): void =>
    value === undefined ? Deno.env.delete(CALLER_VARIABLE) : Deno.env.set(CALLER_VARIABLE, value);
  try {
    Deno.chdir(folder);
    set(caller);
    body();
  } finally {
    Deno.chdir(here);
    set(before);
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a relative path belongs to the folder in which the task was started", () =>
  inFolder("/somewhere/else", () => {
    assertEquals(callerPath("a/b.png", Deno.cwd()), "/somewhere/else/a/b.png");
    assertEquals(callerPath("../b.png", `${Deno.cwd()}/`), "/somewhere/b.png");
    assertEquals(callerPath("/a/b.png", Deno.cwd()), "/a/b.png");
    assertEquals(callerPath("", Deno.cwd()), "");
    // A program that was started by a task of another project.
    assertEquals(callerPath("a/b.png", "/another/project"), "a/b.png");
    assertEquals(callerPath("a/b.png"), "a/b.png");
  }));

Deno.test("without a task, and in the folder of the start, paths stay as they are", async () => {
  await inFolder(undefined, () => assertEquals(callerPath("a.png", Deno.cwd()), "a.png"));
  await inFolder(Deno.cwd(), () => {
    Deno.env.set(CALLER_VARIABLE, Deno.cwd());
    assertEquals(callerPath("a.png", Deno.cwd()), "a.png");
  });
});
