import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FileSource } from "../../io/mod.ts";
import { defaultModelSource, openSafetensors, writeSafetensors } from "../../models/mod.ts";
import { chunk, headerChunk } from "../io/png_maker.ts";
import { childCommand, commandTest, type Folder, runCommand, withFolder } from "./run_command.ts";

const FIXTURES = new URL("../io/fixtures/", import.meta.url).pathname;
const GOLDEN = new URL("../golden/", import.meta.url).pathname;
const PNG_SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** Runs a command line that must fail with a message of one line, and leave the folder as it was. */
async function refused(folder: Folder, code: number, fragment: string, ...words: string[]): Promise<void> {
  const before = folder.list();
  const outcome = await runCommand(words);
  const told = outcome.stderr.split("\n").find((line) => line.startsWith("error: ")) ?? "";
  assertStringIncludes(told, fragment, words.join(" "));
  assertEquals(outcome.code, code, told);
  assertEquals(outcome.stdout, "");
  assert(!told.endsWith("."), told);
  assertEquals(folder.list(), before, `files after: ${words.join(" ")}`);
}

/** The same for `restore IMAGE --task sr2` with a good picture. */
async function refusedOptions(folder: Folder, code: number, fragment: string, ...options: string[]): Promise<void> {
  const picture = folder.picture("good.png", { width: 8, height: 8 });
  await refused(folder, code, fragment, "restore", picture, "--task", "sr2", "--out", folder.path("o.png"), ...options);
}

Deno.test("restore refuses files that are no pictures, before it opens the network", () =>
  withFolder(async (folder) => {
    const half = async (path: string): Promise<Uint8Array> => {
      const bytes = await Deno.readFile(path);
      return bytes.subarray(0, bytes.length >> 1);
    };
    const whole = folder.picture("whole.png", { width: 64, height: 64 });
    const huge = [...PNG_SIGNATURE, ...headerChunk(100000, 100000, 8, 2), ...chunk("IDAT", [1]), ...chunk("IEND", [])];
    folder.folder("folder");
    const cases: [path: string, fragment: string][] = [
      [folder.path("missing.png"), `Cannot read "${folder.path("missing.png")}": there is no such file`],
      [folder.write("empty.png", new Uint8Array(0)), "the file is empty"],
      [folder.write("half.png", await half(whole)), "the PNG file is truncated"],
      [
        folder.write("cut.jpg", (await Deno.readFile(`${FIXTURES}rgb.jpg`)).slice(0, 200)),
        "the JPEG file is truncated",
      ],
      [folder.write("huge.png", Uint8Array.from(huge)), "100000 x 100000 pixels, the limit is"],
      [folder.write("text.png", new TextEncoder().encode("no picture at all")), "it is not an image"],
    ];
    for (const [path, fragment] of cases) {
      const out = folder.path("out.png");
      await refused(folder, 1, fragment, "restore", path, "--task", "sr4", "--out", out);
      await refused(folder, 1, fragment, "restore", path, "--degrade", "--out", out);
      await refused(folder, 1, fragment, "degrade", path, "--out", out);
      await refused(folder, 1, fragment, "restore", whole, "--task", "inpaint", "--mask", path, "--out", out);
    }
    const [empty, out] = [folder.path("folder"), folder.path("out")];
    await refused(folder, 1, "the folder has no PNG, JPEG, WebP or AVIF file", "restore", empty, out, "--task", "sr4");
    await refused(folder, 1, "the folder has no PNG, JPEG, WebP or AVIF file", "degrade", empty, out);
    const mask = ["--task", "inpaint", "--mask", empty, "--out", folder.path("out.png")];
    await refused(folder, 1, "it is a directory, a file is needed", "restore", whole, ...mask);
  }));

Deno.test("restore refuses what would become too large, and degrade what is too small", () =>
  withFolder(async (folder) => {
    const wide = folder.picture("wide.png", { width: 4000, height: 90, sample: () => 0, bitDepth: 1, colorType: 0 });
    const out = folder.path("out.png");
    const large = "enlarged x16 it has 64000 x 1440 pixels, at most 64 megapixels";
    await refused(folder, 1, large, "restore", wide, "--task", "sr16", "--out", out);
    const tiny = folder.picture("tiny.png", { width: 3, height: 9 });
    await refused(folder, 1, "it has 3 x 9 pixels, at least 4 x 4", "degrade", tiny, "--task", "sr4", "--out", out);
  }));

Deno.test("a mask of another shape is refused with both sizes", () =>
  withFolder(async (folder) => {
    const picture = folder.picture("y.png", { width: 9, height: 8 });
    const mask = folder.picture("m.png", { width: 8, height: 24, colorType: 0, sample: (x) => x < 3 ? 0 : 255 });
    const out = folder.path("out.png");
    for (const command of [["restore", "--degrade"], ["restore"], ["degrade"]]) {
      const words = [...command, picture, "--task", "inpaint", "--mask", mask, "--out", out];
      await refused(folder, 1, 'm.png": it has 8 x 24 pixels', ...words);
    }
  }));

Deno.test("contradictions and values out of range are usage errors", () =>
  withFolder(async (folder) => {
    const cases: [fragment: string, options: string[]][] = [
      ['no option "--sed"; did you mean "--seed"?', ["--sed", "1"]],
      ["--steps is 3, at least 4 is needed", ["--steps", "3"]],
      ['--steps is "2.5"', ["--steps", "2.5"]],
      ["--steps is 1000, which makes --generation-steps 850, at most --shortcut 550 is needed", ["--steps", "1000"]],
      ["--steps sets --inversion-steps and --generation-steps; give either", [
        "--steps",
        "30",
        "--generation-steps",
        "20",
      ]],
      ["--inversion-steps is 551", ["--inversion-steps", "551"]],
      ['--seed is "-1", a whole number from 0 to 4294967295', ["--seed", "-1"]],
      ['--seed is "4294967296"', ["--seed", "4294967296"]],
      ["leaves too few seeds for 2 samples", ["--seed", "4294967295", "--samples", "2"]],
      ['--samples is "0"', ["--samples", "0"]],
      ['--eta is "1.5", a number from 0 to 1', ["--eta", "1.5"]],
      ['--method is "sdd"', ["--method", "sdd"]],
      ["--stop-timestep belongs to --method ssd+", ["--stop-timestep", "100"]],
      ["--stop-timestep is 600, at most --shortcut 550 is needed", ["--method", "ssd+", "--stop-timestep", "600"]],
      ["--mask belongs to task", ["--mask", "m.png"]],
      ["--blur-taps belongs to task", ["--blur-taps", "9"]],
      ["--sigma-y needs --degrade", ["--sigma-y", "0.1"]],
      ["--trace needs a single sample", ["--samples", "2", "--trace", folder.path("t.safetensors")]],
    ];
    for (const [fragment, options] of cases) await refusedOptions(folder, 2, fragment, ...options);
    const picture = folder.picture("y.png", {});
    const out = ["--out", folder.path("out.png")];
    const words: [fragment: string, words: string[]][] = [
      ['there is no task "inpant"', ["restore", picture, "--task", "inpant", ...out]],
      ['did you mean "inpaint"?', ["degrade", picture, "--task", "inpant", ...out]],
      ["it is not said what is wrong", ["restore", picture, ...out]],
      ["needs --mask FILE", ["restore", picture, "--task", "inpaint", ...out]],
      ["--mask-keep needs --mask", ["restore", picture, "--degrade", "--task", "inpaint", "--mask-keep", "black"]],
      ["exclude each other", [
        "degrade",
        picture,
        "--task",
        "inpaint",
        "--mask-box",
        "1",
        "--mask-random",
        "1",
        ...out,
      ]],
      ["--mask-box needs --degrade", ["restore", picture, "--task", "inpaint", "--mask-box", "0.5", ...out]],
      ["--blur-taps is 8, an odd number", ["restore", picture, "--task", "deblur", "--blur-taps", "8", ...out]],
      ["was given nothing, IMAGE|FOLDER [OUT] is needed", ["degrade", "--task", "sr4", ...out]],
    ];
    for (const [fragment, line] of words) await refused(folder, 2, fragment, ...line);
  }));

Deno.test("results are pictures in folders that can be written, and replace nothing that is read", () =>
  withFolder(async (folder) => {
    const picture = folder.picture("y.png", {});
    folder.folder("taken.json");
    const inside = folder.path("taken.json").replace(".json", "");
    const cases: [code: number, fragment: string, options: string[]][] = [
      [2, "its name must end in .png, .jpg, .jpeg or .webp", ["--out", folder.path("out.tif")]],
      [2, "its name must end in .png, .jpg, .jpeg or .webp", ["--out", folder.path("")]],
      [2, "--quality belongs to JPEG and WebP", ["--out", folder.path("out.png"), "--quality", "80"]],
      [2, 'y.png", which is read', ["--out", picture]],
      [2, 'y.png", which is read', ["--out", folder.path("./y.png")]],
      [2, "another result", ["--out", folder.path("out.png"), "--trace", folder.path("out.json")]],
      [1, "does not exist; create it", ["--out", folder.path("none/out.png")]],
      [1, "does not exist; create it", ["--out", folder.path("out.png"), "--trace", folder.path("none/t")]],
      [1, "it names a directory", ["--out", `${inside}.png`]],
      [1, "is not writable", ["--out", `${picture}/out.png`]],
    ];
    for (const [code, fragment, options] of cases) {
      await refused(folder, code, fragment, "restore", picture, "--task", "sr2", ...options);
    }
    await refused(folder, 2, "which is read", "degrade", picture, "--out", picture);
  }));

commandTest("a model file that does not fit is refused with what was found in it", async (folder) => {
  const embedded = await openSafetensors(await defaultModelSource());
  const config = JSON.parse(embedded.metadata.get("config")!);
  const copy = async (name: string, changes: object, edit: (name: string, data: Float32Array) => boolean) => {
    const tensors = [];
    for (const [tensor, { shape }] of embedded.tensors) {
      const data = Float32Array.from(await embedded.readFloat32(tensor));
      if (edit(tensor, data)) tensors.push({ name: tensor, dtype: "F32" as const, shape, data });
    }
    const file = await Deno.create(folder.path(name));
    const metadata = new Map([["config", JSON.stringify({ ...config, ...changes })]]);
    await writeSafetensors({ tensors, metadata }, async (bytes) => {
      await new Blob([Uint8Array.from(bytes)]).stream().pipeTo(file.writable, { preventClose: true });
    });
    file.close();
    return folder.path(name);
  };
  const keep = (): boolean => true;
  folder.folder("folder");
  const cases: [path: string, fragment: string][] = [
    [folder.path("missing.safetensors"), "there is no such file"],
    [folder.path("folder"), "it is a directory"],
    [folder.write("text.safetensors", new TextEncoder().encode("weights, honestly")), "as safetensors"],
    [folder.picture("picture.safetensors", {}), "as safetensors"],
    [`${GOLDEN}schedule-1000.safetensors`, "belong to no known network"],
    [await copy("vit.safetensors", { architecture: "vit" }, keep), 'the architecture is "vit"'],
    [await copy("wide.safetensors", { model_channels: 64 }, keep), "have another shape"],
    [await copy("less.safetensors", {}, (name) => name !== "out.2.bias"), 'first "out.2.bias"'],
  ];
  for (const [path, fragment] of cases) await refusedOptions(folder, 1, fragment, "--model", path);
  const broken = await copy("nan.safetensors", {}, (name, data) => {
    if (name === "out.2.weight") data.fill(NaN);
    return true;
  });
  await refusedOptions(folder, 1, "no finite numbers", "--model", broken, "--steps", "4");
  await refusedOptions(folder, 1, '"network.out.2" gave NaN', "--model", broken, "--steps", "4", "--check-finite");
});

commandTest("what the network cannot do is refused", async (folder) => {
  await refusedOptions(folder, 2, '--class is 3, "prior.safetensors" is unconditional', "--class", "3");
  await refusedOptions(folder, 2, "--shortcut is 1001, at most 1000", "--shortcut", "1001");
});

commandTest("noise that does not belong to the run is refused", async (folder) => {
  const trace = folder.path("t.safetensors");
  const picture = folder.picture("good.png", { width: 8, height: 8 });
  const words = ["restore", picture, "--task", "sr2", "--steps", "4", "--out", folder.path("o.png")];
  assertEquals((await runCommand([...words, "--trace", trace])).code, 0);
  const noise = ["--noise", trace];
  await refusedOptions(folder, 1, "it holds 3 draws, this run takes 5", ...noise, "--steps", "6");
  const other = folder.picture("other.png", { width: 12, height: 8 });
  const sized = "has 1 x 3 x 16 x 16 elements, this run needs 1 x 3 x 16 x 24";
  await refused(folder, 1, sized, "restore", other, ...words.slice(2), ...noise);
  const none = `${GOLDEN}operators-32.safetensors`;
  await refusedOptions(folder, 1, 'holds no tensor "noise.<step>"', "--noise", none);
  await refusedOptions(folder, 1, "as safetensors", "--noise", picture);
  await refusedOptions(folder, 2, "which is read", ...noise, "--trace", trace);
  using source = await FileSource.open(trace);
  assertEquals((await openSafetensors(source)).tensors.size, 9);
});

Deno.test("without an adapter the command says so and stops with exit code 1", () =>
  withFolder(async (folder) => {
    const picture = folder.picture("y.png", { width: 8, height: 8 });
    const out = folder.path("out.png");
    // Of the back ends that there are, none is of this kind on Linux and Windows.
    const env = { DENO_WEBGPU_BACKEND: Deno.build.os === "darwin" ? "dx12" : "metal" };
    const { code, stdout, stderr } = await childCommand(["restore", picture, "--task", "sr2", "--out", out], env)
      .output();
    assertEquals([code, stdout.length], [1, 0]);
    assertStringIncludes(new TextDecoder().decode(stderr), "no adapter was found; install a Vulkan driver");
    assertEquals(folder.list(), ["y.png"]);
  }));

commandTest("on a full disk nothing is left behind", async (folder) => {
  const disk = folder.folder("disk");
  const mount = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=8k", "tmpfs", disk],
    stdout: "null",
    stderr: "null",
  }).output().catch(() => ({ success: false }));
  if (!mount.success) {
    // deno-lint-ignore no-console -- a skipped test must say why
    console.log("A full disk is not tried: this user may not mount one");
    return;
  }
  try {
    const picture = folder.picture("y.png", { width: 4, height: 4 });
    const words = ["restore", picture, "--task", "sr2", "--steps", "4", "--out", `${disk}/o.png`];
    const refuseAt = async (name: string, options: readonly string[], left: readonly string[]): Promise<void> => {
      const { code, stdout, stderr } = await runCommand([...words, ...options]);
      assertEquals([code, stdout], [1, ""]);
      assertStringIncludes(stderr, `${name}": no space is left on the disk; free some space`);
      assertEquals(folder.list("disk"), left);
    };
    await refuseAt("t.safetensors", ["--trace", `${disk}/t.safetensors`], []);
    // One page is left: the picture takes it, the report does not fit, and the picture goes with it.
    folder.write("disk/filler", new Uint8Array(4096));
    await refuseAt("o.json", [], ["filler"]);
  } finally {
    await new Deno.Command("umount", { args: [disk] }).output();
  }
});
