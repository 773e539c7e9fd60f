/** First steps of tasks that need a program beside Deno: Debian's package is installed where it is missing and allowed. */
import { readMachine, usesApt } from "../../adapter/mod.ts";

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

/**
 * Installs a package by apt-get, as root on Debian and its relatives; elsewhere says what is left out.
 * @param name of the package
 * @param setting what it brings, and what is said where it cannot be installed
 */
export async function installDebian(
  name: string,
  { brings, skipped }: { readonly brings: string; readonly skipped: string },
): Promise<void> {
  const { os, release, isRoot } = await readMachine();
  if (os !== "linux" || !usesApt(release) || !isRoot) return say(skipped);
  say(`No ${brings}; installing the package of ${release.name}`);
  for (const words of [["update"], ["install", "--yes", "--no-install-recommends", name]]) {
    const { success } = await new Deno.Command("apt-get", {
      args: ["-q", "-o", "DPkg::Lock::Timeout=60", ...words],
      env: { DEBIAN_FRONTEND: "noninteractive" },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).output();
    if (!success) return say(`Cannot install ${name}: apt-get ${words[0]} failed. ${skipped}`);
  }
}
