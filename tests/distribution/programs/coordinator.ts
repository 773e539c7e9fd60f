/** A coordinator in a process of its own: `coordinator.ts HOST FOLDER`. */
import { FolderStore } from "../../../cli/evaluate_store.ts";
import { serveAt } from "../setting.ts";

const [host, folder] = Deno.args;
using store = await FolderStore.writing(folder!);
const { failures, differences } = await serveAt(host!, { store, lease: 1 });
if (failures.length + differences.length > 0) throw new Error(JSON.stringify([failures, differences]));
