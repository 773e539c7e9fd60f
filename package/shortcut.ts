#!/usr/bin/env node
/**
 * The program `shortcut`: under Node from an npm package, under Deno from a folder or an address
 * (`deno run -A package/shortcut.ts COMMAND ...`). It starts Deno with the permissions of the command alone.
 */
import process from "node:process";
import { runShortcut } from "./run.ts";

try {
  process.exit(await runShortcut(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
