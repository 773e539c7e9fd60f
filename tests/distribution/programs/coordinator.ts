/** A coordinator in a process of its own: `coordinator.ts HOST FOLDER`; a line whenever more is stored. */
import { FolderStore } from "../../../cli/evaluate_store.ts";
import { serveAt } from "../setting.ts";

const [host, folder] = Deno.args;
using store = await FolderStore.writing(folder!);
// deno-lint-ignore no-console -- it is read by the test
await serveAt(host!, { store, watch: (phase) => phase.startsWith("evaluate") ? console.log(phase) : undefined });
