/// <reference lib="dom" />
/** Makes the page work without its server, where the browser can do that. */
import { TAKE_OVER } from "./take_over.ts";

/** What a browser has for it; nothing on insecure origins. */
type Offline = Partial<Pick<Navigator, "serviceWorker">>;

/**
 * Registers the service worker beside the page. Browsers have none on insecure origins, and refuse one in some private
 * windows: then the page needs its server, and nothing else changes.
 * @param navigator of the page
 */
export async function registerOffline({ serviceWorker }: Offline): Promise<void> {
  try {
    await serviceWorker?.register("service_worker.js", { updateViaCache: "none" });
  } catch {
    // The page works as before, with its server.
  }
}

/**
 * Lets a build take over that has waited for this visit, unless the page is open elsewhere, too. It does so behind the
 * page: a navigation that meets a change of service workers can be lost.
 * @param navigator of the page
 * @param reload loads the page again, from the new build
 */
export async function takeNewBuild({ serviceWorker }: Offline, reload: () => void): Promise<void> {
  // Where nothing controls the page, it comes from its server, and is new.
  if (!serviceWorker?.controller) return;
  const registration = await serviceWorker.getRegistration();
  if (!registration?.waiting) return;
  serviceWorker.addEventListener("controllerchange", reload, { once: true });
  registration.waiting.postMessage(TAKE_OVER);
}
