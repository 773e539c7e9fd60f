/** Rows for the options of `restore` that give a size, or make something again. */
import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { sha256OfFile } from "../../../io/mod.ts";
import { EXAMPLE_PICTURES } from "../../../restoration/mod.ts";
import type { Materials } from "./materials.ts";
import type { Ran, Row, Words } from "./table.ts";

/** Command lines that are made quickly, with further options. */
export interface QuickLines {
  quick(...options: string[]): Words;
  inverse(...options: string[]): Words;
}

/** The rows of `width`, `height`, `same-seed`, `like` and `config`. */
export function repeatRows(
  { small, tiny, byClass, folder }: Materials,
  { quick, inverse }: QuickLines,
): readonly Row[] {
  const pair = folder.folder("pair");
  for (const name of ["a", "b"]) folder.picture(`pair/${name}.png`, { width: 4, height: 4 });
  return [
    ...(["width", "height"] as const).map((option): Row => ({
      option,
      without: inverse("--task=sr4"),
      given: inverse("--task=sr", `--${option}=24`),
      async check(_usual, given): Promise<void> {
        assertEquals([(await given.picture()).width, (await given.picture()).height], [24, 24]);
        assertEquals(given.field("task.parameters"), { scale: 1.5 });
      },
    })),
    {
      option: "same-seed",
      without: ["restore", pair, "@", "--cpu", "--task=sr2", "--steps=4", `--model=${tiny}`],
      given: ["restore", pair, "@", "--cpu", "--task=sr2", "--steps=4", `--model=${tiny}`, "--same-seed"],
      check(own, same): void {
        assertNotEquals(own.bytes("/a.png"), own.bytes("/b.png"));
        assertEquals(same.bytes("/a.png"), same.bytes("/b.png"));
      },
    },
    {
      option: "example",
      without: ["restore", "--out=@.png", "--cpu", "--method=pseudo-inverse", `--model=${tiny}`],
      given: ["restore", "--out=@.png", "--cpu", "--method=pseudo-inverse", `--model=${tiny}`, "--example=photograph"],
      async check(portrait, photograph, run): Promise<void> {
        for (
          const [ran, { file }] of [[portrait, EXAMPLE_PICTURES.portrait], [
            photograph,
            EXAMPLE_PICTURES.photograph,
          ]] as const
        ) {
          const path = new URL(`../../../${file}`, import.meta.url).pathname;
          assertEquals(ran.field("input.sha256"), await sha256OfFile(path));
        }
        const again = await run(["restore", "--out=@.png", "--cpu", `--config=${photograph.out}.json`]);
        assertEquals(again.bytes(), photograph.bytes(), "the same picture by itself");
        const other = await run(["restore", small, "--out=@.png", "--cpu", `--like=${photograph.out}.png`]);
        assertEquals([other.code, other.field("input.file")], [0, small], "another picture outweighs");
        const both = await run(["restore", small, "--out=@.png", "--example=photograph"]);
        assertStringIncludes(both.stderr, "--example each name a picture; leave one of them out");
      },
    },
    {
      option: "like",
      without: quick(`--model=${tiny}`, "--method=ddnm", "--seed=9"),
      given: quick(`--model=${tiny}`, "--method=ddnm", "--seed=4"),
      async check(nine, four, run): Promise<void> {
        const repeated = (old: string, ...words: string[]): Promise<Ran> =>
          run(["restore", small, "--out=@.png", "--cpu", `--like=${old}`, ...words]);
        const [byPicture, byReport] = [await repeated(`${four.out}.png`), await repeated(`${four.out}.json`)];
        assertEquals(await Deno.readFile(`${byPicture.out}.png`), await Deno.readFile(`${four.out}.png`), "to the bit");
        assertEquals(byReport.bytes(), four.bytes());
        assertEquals((await repeated(`${four.out}.png`, "--seed=9")).bytes(), nine.bytes(), "options outweigh");
        for (const ending of [".jpg", ".webp"]) {
          const [out, ...words] = quick(`--model=${tiny}`, "--method=ddnm", "--seed=4", `--out=@${ending}`);
          const lossy = await run([out!, ...words.filter((word) => word !== "--out=@.png")]);
          const again = await repeated(`${lossy.out}${ending}`);
          assertEquals(await Deno.readFile(`${again.out}.png`), await Deno.readFile(`${four.out}.png`), ending);
        }
        const other = await repeated(`${four.out}.png`, `--model=${byClass}`, "--class=1");
        assertStringIncludes(other.stderr, "The network is by-class.safetensors (SHA-256 ");
        assertStringIncludes((await repeated(small)).stderr, "does not say how it was made");
      },
    },
    {
      option: "config",
      without: quick(`--model=${tiny}`, "--seed=9"),
      given: quick(`--model=${tiny}`, "--seed=4", "--json"),
      async check(nine, four, run): Promise<void> {
        const repeated = (report: string, ...words: string[]): Promise<Ran> =>
          run(["restore", "--out=@.png", "--cpu", `--config=${report}`, ...words]);
        const file = async ({ out }: Ran): Promise<Uint8Array> => await Deno.readFile(`${out}.png`);
        const again = await repeated(`${four.out}.json`);
        assertEquals(again.code, 0, again.stderr);
        assertEquals(await file(again), await file(four), "the file to the bit, with the text in it");
        assertNotEquals(await file(again), await file(nine));
        const lines = folder.write("lines.jsonl", new TextEncoder().encode(four.stdout));
        assertEquals(await file(await repeated(lines)), await file(four), "by what --json printed");
        assertEquals((await repeated(`${four.out}.json`, "--seed=9")).bytes(), nine.bytes(), "options outweigh");
        const longer = await repeated(`${four.out}.json`, "--steps=6");
        assertEquals(
          [longer.field("method.preset"), longer.number("evaluations.nominal")],
          [four.field("method.preset"), 6],
          "what is not given stays",
        );
        const changed = JSON.stringify({ ...JSON.parse(four.text(".json")), input: { file: tiny, sha256: "0" } });
        const wrong = await repeated(folder.write("changed.json", new TextEncoder().encode(changed)));
        assertEquals([wrong.code, wrong.has(".png")], [1, false]);
        assertStringIncludes(wrong.stderr, "is not the file of that run");
        const both = await repeated(`${four.out}.json`, `--like=${four.out}.json`);
        assertEquals(both.code, 2, both.stderr);
      },
    },
  ];
}
