/** What a page and the service workers of its builds say to each other. */

/** Tells a build that waits to take over, if no other page is open. */
export const TAKE_OVER = "take over";
