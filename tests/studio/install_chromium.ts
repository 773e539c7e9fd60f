/** First step of `deno task test:studio`: installs Debian's Chromium where it is missing and that is allowed. */
import { readMachine, usesApt } from "../../adapter/mod.ts";
import { CHROMIUM, isChromiumThere, SKIPPED } from "./chromium_path.ts";

/** What installs it. */
const STEPS = [["update"], ["install", "--yes", "--no-install-recommends", "chromium"]] as const;

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function install(): Promise<void> {
  if (await isChromiumThere()) return;
  const { os, release, isRoot } = await readMachine();
  if (os !== "linux" || !usesApt(release) || !isRoot) return say(SKIPPED);
  say(`No ${CHROMIUM}; installing the package of ${release.name}`);
  for (const words of STEPS) {
    const { success } = await new Deno.Command("apt-get", {
      args: ["-q", "-o", "DPkg::Lock::Timeout=60", ...words],
      env: { DEBIAN_FRONTEND: "noninteractive" },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).output();
    if (!success) return say(`Cannot install Chromium: apt-get ${words[0]} failed. ${SKIPPED}`);
  }
}

if (import.meta.main) await install();
