/** Rows for the options of pictures that somebody has: old, overexposed, to be continued. */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { casePath } from "../../io/cases.ts";
import type { Materials } from "./materials.ts";
import type { Ran, Row, Words } from "./table.ts";

/**
 * All of them.
 * @param inverse a command line that restores a picture of 16 x 16 pixels by A^+
 */
export function ownPictureRows(
  { small, tiny }: Materials,
  inverse: (...options: string[]) => Words,
): readonly Row[] {
  const grown = inverse("--task=outpaint");
  const diagnosed = inverse("--task=auto").with(1, casePath("soft/soft-sigma1.2.png"));
  const old = inverse("--task=old-photo");
  const how = ["--method=diffpir", "--data-step=first_order", "--steps=4", `--model=${tiny}`];
  const bright = ["restore", small, "--out=@.png", "--cpu", "--task=hdr", ...how];
  return [
    ...["left", "top", "right", "bottom"].map((option): Row => ({
      option,
      without: grown,
      given: [...grown, `--${option}=3`],
      codes: [2, 0],
      async check(unsaid, given): Promise<void> {
        assertStringIncludes(unsaid.stderr, "--task outpaint adds nothing to the picture; give --left N");
        const isWide = option === "left" || option === "right";
        const { width, height } = await given.picture();
        assertEquals([width, height], isWide ? [19, 16] : [16, 19]);
      },
    })),
    {
      option: "yes",
      without: diagnosed,
      given: [...diagnosed, "--yes"],
      check(tried, advised): void {
        assertEquals([tried.has("-readings.png"), advised.has("-readings.png")], [true, false]);
        assertStringIncludes(tried.stderr, "Tried on ");
        assertEquals([tried.field("options.task"), advised.field("options.task")], ["deblur", "deblur"]);
      },
    },
    {
      option: "old-photo-scale",
      without: old,
      given: [...old, "--old-photo-scale=2"],
      async check(same, twice, run): Promise<void> {
        assertEquals([(await same.picture()).width, (await twice.picture()).width], [16, 32]);
        assertEquals((await run([...old, "--old-photo-scale=1"])).bytes(), same.bytes(), "default");
      },
    },
    {
      option: "fading",
      without: old,
      given: [...old, "--fading=keep"],
      async check(undone, kept, run): Promise<void> {
        const range = async (ran: Ran): Promise<number> => {
          const { data } = await ran.picture();
          return data.reduce((a, b) => Math.max(a, b)) - data.reduce((a, b) => Math.min(a, b));
        };
        assert(await range(undone) > 1.9 && await range(kept) < 1.7, `${await range(undone)}, ${await range(kept)}`);
        assertEquals((await run([...old, "--fading=undo"])).bytes(), undone.bytes(), "default");
      },
    },
    {
      option: "clipped-from",
      without: bright,
      given: [...bright, "--clipped-from=180"],
      check(told, given): void {
        assertStringIncludes(told.stderr + told.stdout, "No value of the photo is clipped");
        assertStringIncludes(given.stderr + given.stdout, "The photo is clipped: red from level 180 of 255");
        assertNotEquals(given.bytes(), told.bytes());
      },
    },
  ];
}
