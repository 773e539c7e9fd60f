/** Results by the ending of their name, with what their source says of itself, where the caller meant them. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseCommand } from "../../cli/arguments.ts";
import { readImage } from "../../io/mod.ts";
import { RESTORE } from "../../cli/restore.ts";
import { casePath } from "../io/cases.ts";
import { quickModel } from "./random_model.ts";
import { commandTest, runCommand, runWell } from "./run_command.ts";

const QUICK = ["--task", "sr2", "--method", "bicubic", "--model", await quickModel()];

commandTest("a result is stored as the ending of its name says, by its quality", async (folder) => {
  const picture = folder.picture("y.png", { width: 32, height: 32 });
  const sizes = new Map<string, number>();
  for (const [name, format] of [["a.jpg", "jpeg"], ["b.jpeg", "jpeg"], ["c.webp", "webp"], ["d.png", "png"]] as const) {
    await runWell(["restore", picture, folder.path(name), ...QUICK]);
    const image = await readImage(folder.path(name));
    assertEquals([image.format, image.width, image.height], [format, 64, 64]);
    sizes.set(name, (await Deno.stat(folder.path(name))).size);
  }
  for (const name of ["a.jpg", "c.webp"]) {
    await runWell(["restore", picture, folder.path(name), ...QUICK, "--quality", "20"]);
    assert((await Deno.stat(folder.path(name))).size < sizes.get(name)!, name);
  }
});

commandTest("tags, density and profile of a picture are kept in its result", async (folder) => {
  const { metadata } = await readImage(casePath("metadata/dated.jpg"));
  assert(metadata?.exif);
  for (const name of ["a.jpg", "b.png", "c.webp"]) {
    await runWell(["restore", casePath("metadata/dated.jpg"), folder.path(name), ...QUICK]);
    const kept = (await readImage(folder.path(name))).metadata;
    assert(kept?.exif && kept.exif.length > 0, name);
    assertEquals(kept.icc, metadata.icc);
    // WebP has the density in its tags alone.
    if (name !== "c.webp") assertEquals(kept.density?.map(Math.round), metadata.density?.map(Math.round), name);
  }
});

commandTest("what a format cannot hold is said", async (folder) => {
  const { stderr } = await runWell([
    ...["restore", folder.picture("y.png", { colorType: 6 }), folder.path("o.jpg"), ...QUICK],
  ]);
  assertStringIncludes(stderr, "JPEG has no transparency: the picture is laid on white");
});

commandTest("folders take WebP and AVIF files", async (folder) => {
  folder.folder("in");
  const fixtures = new URL("../io/fixtures/", import.meta.url).pathname;
  for (const kind of ["webp", "avif"]) {
    folder.write(`in/${kind}.${kind}`, await Deno.readFile(`${fixtures}lossy.${kind}`));
  }
  await runWell(["restore", folder.path("in"), folder.path("out"), ...QUICK]);
  assertEquals(folder.list("out"), ["avif.json", "avif.png", "webp.json", "webp.png"]);
});

commandTest("a file that no format holds is refused before the work", async (folder) => {
  const wide = folder.picture("wide.png", { width: 9000, height: 8, bitDepth: 1, colorType: 0, sample: () => 0 });
  const { code, stderr } = await runCommand(["restore", wide, folder.path("o.webp"), ...QUICK]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "WebP has at most 16383 pixels a side");
  await assertRejects(() => Deno.stat(folder.path("o.webp")), Deno.errors.NotFound);
});

Deno.test("paths of the command line are those of the folder that the task was started in", async () => {
  const before = Deno.env.get("INIT_CWD");
  const here = Deno.cwd();
  const project = new URL("../../", import.meta.url).pathname;
  Deno.chdir(project);
  Deno.env.set("INIT_CWD", "/elsewhere");
  try {
    const line = ["y.png", "/there/o.png", "--task", "inpaint", "--mask", "m.png", "--model=p.pt"];
    const args = await parseCommand(RESTORE.spec, line);
    assert(args !== "help");
    assertEquals(args.operands, ["/elsewhere/y.png", "/there/o.png"]);
    assertEquals([args.text("mask"), args.text("model"), args.text("task")], [
      "/elsewhere/m.png",
      "/elsewhere/p.pt",
      "inpaint",
    ]);
    assertEquals(args.words, line);
  } finally {
    Deno.chdir(here);
    if (before === undefined) Deno.env.delete("INIT_CWD");
    else Deno.env.set("INIT_CWD", before);
  }
});

commandTest("a folder makes samples again whose mean is gone, and keeps them where all is there", async (folder) => {
  folder.folder("in");
  folder.picture("in/a.png", { width: 8, height: 8 });
  const words = ["restore", folder.path("in"), folder.path("out"), ...QUICK, "--samples", "2"];
  await runWell(words);
  const files = ["a-1.json", "a-1.png", "a-2.json", "a-2.png", "a-deviation.png", "a-mean.json", "a-mean.png"];
  assertEquals(folder.list("out"), files);
  const changed = async (): Promise<unknown> => (await Deno.stat(folder.path("out/a-1.png"))).mtime?.getTime();
  const first = await changed();
  await runWell(words);
  assertEquals(await changed(), first);
  await Deno.remove(folder.path("out/a-deviation.png"));
  await runWell(words);
  assertEquals([folder.list("out"), await changed() === first], [files, false]);
});
