/** Where the browser of the tests is. */

/** Where Debian's package puts it. */
export const CHROMIUM = "/usr/bin/chromium";

/** What is said where it is not there. */
export const SKIPPED =
  "Tests of the studio are skipped: there is no Chromium; as root, apt-get install -y chromium installs it";

/** Whether it is there. */
export async function isChromiumThere(): Promise<boolean> {
  return await Deno.stat(CHROMIUM).then(({ isFile }) => isFile, () => false);
}
