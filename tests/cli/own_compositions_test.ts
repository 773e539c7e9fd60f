/** Several damages of a picture that somebody has, where one of them takes such pictures in a form of its own. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { casePath } from "../io/cases.ts";
import { quickModel } from "./random_model.ts";
import { commandTest, type Folder, readReport, runCommand, runWell, withoutParameters } from "./run_command.ts";

const SMALL = casePath("common/small16.png");

/** Restores a picture on the CPU; gives the result and its report. */
async function restored(
  folder: Folder,
  picture: string,
  ...options: readonly string[]
): Promise<
  {
    readonly bytes: Uint8Array;
    readonly printed: string;
    readonly rms: number;
    readonly parameters: Readonly<Record<string, unknown>>;
  }
> {
  const out = folder.path("o.png");
  const words = ["restore", picture, out, "--cpu", "--model", await quickModel(), ...options];
  const { stderr, stdout } = await runWell(words);
  const { metrics, task } = readReport(out) as {
    metrics: { consistency: { rms: number } };
    task: { parameters: Record<string, unknown> };
  };
  const { rms } = metrics.consistency;
  const bytes = withoutParameters(await Deno.readFile(out));
  return { bytes, printed: stderr + stdout, rms, parameters: task.parameters };
}

const INVERSE = ["--method", "pseudo-inverse"];

commandTest("an old photo that was made smaller is what its damages are one by one", async (folder) => {
  const mask = folder.picture("m.png", { colorType: 0, sample: (x) => x > 5 && x < 8 ? 0 : 255 });
  const masked = ["--mask", mask, ...INVERSE];
  const parts = await restored(folder, SMALL, "--task", "inpaint + colorize + sr2", ...masked);
  const kept = await restored(folder, SMALL, "--task", "old-photo + sr2", "--fading", "keep", ...masked);
  assertEquals(kept.bytes, parts.bytes);
  const stretched = await restored(folder, SMALL, "--task", "old-photo + sr2", ...masked);
  assert(stretched.bytes.some((byte, i) => byte !== kept.bytes[i]), "the contrast is stretched");
  assertEquals([stretched.parameters["scale"], stretched.parameters["2.scale"]], [1, 2]);
  // Of the contrast that the photo has are its noise and its coefficients.
  const { printed } = await restored(folder, SMALL, "--task", "old-photo + denoise", ...masked);
  assertStringIncludes(printed, "of 255, which is kept");
});

commandTest(
  "a picture that was made smaller or gray and then overexposed is met by the result",
  async (folder) => {
    const picture = folder.picture("y.png", { width: 4, height: 4, sample: (x, y) => Math.min(200, 70 * x + 20 * y) });
    const clipped = ["--clipped-from", "200", "--steps", "4"];
    for (const task of ["sr2 + hdr", "colorize + hdr"]) {
      const { rms, parameters, printed } = await restored(folder, picture, "--task", task, ...clipped);
      assert(rms < 1e-3, `${task}: ${rms}`);
      assertStringIncludes(printed, "The photo is clipped");
      assert(Math.abs((parameters["exposures"] as number[])[0]! - 2 * 255 / 200) < 1e-6, JSON.stringify(parameters));
    }
  },
);

commandTest("damages that one picture does not tell apart are refused, with what to do", async (folder) => {
  const cases = [
    ["hdr + jpeg", "--task hdr alone takes JPEG files as they are"],
    ["hdr + denoise", "undo denoise first, then give the result to --task hdr"],
    ["hdr + sr2", "undo sr2 first, then give the result to --task hdr"],
    ["sr2 + hdr + colorize + inpaint", 'undo "colorize + inpaint" first, then give the result to --task "sr2 + hdr"'],
    ["outpaint + sr2", "undo sr2 first, then give the result to --task outpaint"],
    ["old-photo + hdr", "undo hdr first, then give the result to --task old-photo"],
    ["old-photo + cs", "needs --degrade and a good picture"],
  ] as const;
  for (const [task, remedy] of cases) {
    const { code, stderr } = await runCommand(["restore", SMALL, folder.path("o.png"), "--task", task]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, remedy);
  }
  const words = ["restore", SMALL, folder.path("o.png"), "--task", "old-photo + jpeg", "--quality", "40"];
  const { code, stderr } = await runCommand([...words, "--fading", "undo"]);
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, "noise and compression are those of the contrast that the photo has");
});
