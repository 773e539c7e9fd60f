/// <reference lib="dom" />
/** Makes the page work without its server, where the browser can do that. */

/**
 * Registers the service worker beside the page. Browsers have none on insecure origins, and refuse one in some private
 * windows: then the page needs its server, and nothing else changes.
 * @param navigator of the page
 */
export async function registerOffline(navigator: Partial<Pick<Navigator, "serviceWorker">>): Promise<void> {
  try {
    await navigator.serviceWorker?.register("service_worker.js", { updateViaCache: "none" });
  } catch {
    // The page works as before, with its server.
  }
}
