/** The worker of the page with an eye on its devices: bundled in its place for tests. */
import "./watched_devices.ts";
import "../../studio/worker.ts";
