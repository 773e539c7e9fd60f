/** First step of `deno task test:examples`: installs Debian's nbclient where it is missing and that is allowed. */
import { installDebian } from "../support/install_debian.ts";
import { notebookPython, SKIPPED } from "./notebooks.ts";

if (import.meta.main && await notebookPython() === undefined) {
  await installDebian("python3-nbclient", { brings: "nbclient", skipped: SKIPPED });
}
