/** First step of `deno task test:studio`: installs Debian's Chromium where it is missing and that is allowed. */
import { installDebian } from "../support/install_debian.ts";
import { CHROMIUM, isChromiumThere, SKIPPED } from "./chromium_path.ts";

if (import.meta.main && !await isChromiumThere()) {
  await installDebian("chromium", { brings: CHROMIUM, skipped: SKIPPED });
}
