/**
 * A coordinator in a process of its own: `coordinator.ts HOST FOLDER [CHUNK]`. It prints the time by its clock and the
 * forecast, in seconds, whenever something has changed.
 */
import { FolderStore } from "../../../io/mod.ts";
import { serveAt } from "../setting.ts";

const [host, folder, chunk = "2"] = Deno.args;
using store = await FolderStore.writing(folder!);
const { failures, differences } = await serveAt(host!, {
  store,
  lease: 1,
  chunk: Number(chunk),
  watch: (_phase, _step, _steps, figures) => {
    // deno-lint-ignore no-console -- it is read by the test
    if (figures) console.log(`${new Date().toISOString()} ${figures["secondsLeft"] ?? "unknown"}`);
  },
});
if (failures.length + differences.length > 0) throw new Error(JSON.stringify([failures, differences]));
