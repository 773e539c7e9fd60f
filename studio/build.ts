/** The page as a folder of static files: page and worker in a bundle each, the prior, a sample, reference files. */
import { writeListing } from "./models/offer.ts";
import { writeServiceWorker } from "./offline/write_worker.ts";
import { REFERENCES } from "./references.ts";

/** Where the program is. */
const ROOT = new URL("../", import.meta.url);

/**
 * What the page may load: its own files, and pictures that it made. Programs and styles in the text of the page are
 * refused, and so is every other origin.
 */
export const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** What the worker reads from beside itself, by folder of the page: where that lies in the program, and its files. */
const DATA: Readonly<Record<string, { readonly from: string; readonly names: readonly string[] }>> = {
  default: { from: "models/default", names: ["prior.safetensors", "sample.png", "photograph.png"] },
  references: { from: "tests/golden", names: REFERENCES.map(({ name }) => name) },
};

/** Folders of the page, that of its programs last: what they read is there when they are. */
export const FOLDERS: readonly string[] = [...Object.keys(DATA), "models", "."];

/** The style sheet by parts, in the order in which they are joined: what stands later wins. */
const STYLES = [
  "colours",
  "elements",
  "controls",
  "page",
  "picture",
  "settings",
  "messages",
  "results",
  "dialog",
  "profile",
  "models",
];

/**
 * Packs modules with all that they import, for a browser, one file each.
 * @param entries paths in the program; the bundle of `a/b.ts` is `b.js`
 * @param folder where the bundles go
 * @throws {Error} with the words of the bundler
 */
export async function bundle(entries: readonly string[], folder: string): Promise<void> {
  for (const entry of entries) {
    const name = entry.slice(entry.lastIndexOf("/") + 1).replace(/\.tsx?$/, ".js");
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform=browser", "--minify", `--output=${folder}/${name}`, entry],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    if (code === 0) continue;
    throw new Error(`Cannot bundle ${entry}: ${new TextDecoder().decode(stderr).trim()}`);
  }
}

/** Copies what the worker reads from beside itself: prior, sample picture, reference files. */
export async function copyData(folder: string): Promise<void> {
  for (const [part, { from, names }] of Object.entries(DATA)) {
    await Deno.mkdir(`${folder}/${part}`, { recursive: true });
    for (const name of names) await Deno.copyFile(new URL(`${from}/${name}`, ROOT), `${folder}/${part}/${name}`);
  }
}

/** Programs of the page, one file each. */
const PROGRAMS = ["main", "worker", "models/store_worker", "offline/service_worker"];

/**
 * Builds the whole page.
 * @param folder exists
 * @param models paths of checkpoints that its host offers
 * @param place puts a checkpoint into the folder; by default it is copied
 * @throws {Error} as `bundle` and `writeListing`
 */
export async function buildStudio(
  folder: string,
  models: readonly string[] = [],
  place: (from: string, to: string) => Promise<void> = Deno.copyFile,
): Promise<void> {
  await bundle(PROGRAMS.map((name) => `studio/${name}.ts`), folder);
  await copyData(folder);
  await writeListing(folder, models, place);
  const styles = STYLES.map((part) => Deno.readTextFile(new URL(`studio/style/${part}.css`, ROOT)));
  await Deno.writeTextFile(`${folder}/style.css`, (await Promise.all(styles)).join("\n"));
  // Hosts that set no headers have the policy from the page itself.
  const policy = `<meta http-equiv="Content-Security-Policy" content="${CONTENT_POLICY}">`;
  const page = await Deno.readTextFile(new URL("studio/page.html", ROOT));
  await Deno.writeTextFile(`${folder}/index.html`, page.replace(/<head>/, (head) => `${head}\n    ${policy}`));
  await writeServiceWorker(folder);
}
