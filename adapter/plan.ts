/**
 * What to do about the WebGPU adapter of this machine: decisions only, taken from text and facts that `install.ts` reads.
 */

/**
 * What a WebGPU adapter is made of. "software" is a CPU driver with everything the engine can use (Mesa's Vulkan
 * driver llvmpipe, SwiftShader). Through OpenGL both kinds are correct, but slower and without f16; it is taken only
 * where no other graphics API has an adapter.
 */
export type AdapterKind = "hardware" | "software" | "hardware OpenGL" | "software OpenGL" | "none";

/** What an adapter says about itself. */
export interface AdapterFacts {
  readonly description: string;
  readonly isFallback: boolean;
  /** The graphics APIs that it was chosen from, as `chooseBackend` gives them. */
  readonly backend: string | undefined;
}

/** The fields of `/etc/os-release` that name a distribution; empty where absent. */
export interface OsRelease {
  readonly id: string;
  readonly idLike: readonly string[];
  readonly codename: string;
  readonly name: string;
}

/** One package source of apt. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Path of the key that signs it, or the key itself. */
  readonly signedBy?: string;
}

/** The machine that `choosePlan` decides for. */
export interface Machine {
  /** As `Deno.build.os`. */
  readonly os: string;
  readonly release: OsRelease;
  readonly isRoot: boolean;
  readonly sources: readonly AptSource[];
}

/** What to do: nothing, install the driver, or leave the installing to the user. */
export interface Plan {
  readonly action: "go on" | "install" | "stop";
  /** Printed first; empty where there is nothing to say. */
  readonly message: string;
}

/** The packages that hold the software Vulkan driver and the library that finds it. */
export const DRIVER_PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"] as const;

/** Where `install.ts` adds the backports suite. */
export const BACKPORTS_FILE = "/etc/apt/sources.list.d/shortcut-backports.sources";

/** The first Mesa release that is taken without a look at backports: it runs our kernels about twice as fast as 22.3. */
export const FAST_MESA = 25;

const SOFTWARE_NAME = /llvmpipe|lavapipe|softpipe|swiftshader|basic render/i;

/**
 * Tells hardware from software, and OpenGL from the other graphics APIs.
 * @param facts what the adapter says, or null where there is none
 * @returns the kind
 */
export function classifyAdapter(facts: AdapterFacts | null): AdapterKind {
  if (facts === null) return "none";
  const made = facts.isFallback || SOFTWARE_NAME.test(facts.description) ? "software" : "hardware";
  return facts.backend === "gl" ? `${made} OpenGL` : made;
}

/**
 * Reads the distribution from the text of `/etc/os-release`.
 * @param text the file, empty where there is none
 * @returns its fields
 */
export function parseOsRelease(text: string): OsRelease {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)=(.*)$/.exec(line.trim());
    if (match) fields.set(match[1]!, match[2]!.replace(/^(["'])(.*)\1$/, "$2"));
  }
  return {
    id: fields.get("ID") ?? "",
    idLike: fields.get("ID_LIKE")?.split(/\s+/).filter(Boolean) ?? [],
    codename: fields.get("VERSION_CODENAME") ?? "",
    name: fields.get("PRETTY_NAME") ?? fields.get("NAME") ?? "this system",
  };
}

/**
 * Reads the enabled binary package sources from the one-line and the stanza form of apt's source files.
 * @param files name and text of each file; names that end in `.sources` hold stanzas
 * @returns the sources in file order
 */
export function parseAptSources(files: readonly { readonly name: string; readonly text: string }[]): AptSource[] {
  return files.flatMap(({ name, text }) => name.endsWith(".sources") ? parseStanzas(text) : parseLines(text));
}

function parseLines(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (!match) continue;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? "")?.[1];
    sources.push({
      uri: match[2]!,
      suites: [match[3]!],
      components: match[4]!.split(/\s+/).filter(Boolean),
      ...(signedBy === undefined ? {} : { signedBy }),
    });
  }
  return sources;
}

function parseStanzas(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const uncommented = text.split("\n").filter((line) => !line.startsWith("#")).join("\n");
  for (const stanza of uncommented.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const match of stanza.matchAll(/^([A-Za-z-]+):(.*(?:\n[ \t].*)*)/gm)) {
      fields.set(match[1]!.toLowerCase(), match[2]!.trim());
    }
    const words = (field: string): string[] => fields.get(field)?.split(/\s+/).filter(Boolean) ?? [];
    if (!words("types").includes("deb") || /^(no|false|off|0)$/i.test(fields.get("enabled") ?? "yes")) continue;
    const signedBy = fields.get("signed-by");
    for (const uri of words("uris")) {
      sources.push({
        uri,
        suites: words("suites"),
        components: words("components"),
        ...(signedBy === undefined ? {} : { signedBy }),
      });
    }
  }
  return sources;
}

/** Whether apt-get installs packages here: Debian, Ubuntu, or a system that says it is like them. */
export function usesApt(release: OsRelease): boolean {
  return [release.id, ...release.idLike].some((id) => id === "debian" || id === "ubuntu");
}

/**
 * Name of the suite that holds newer builds for this release; Debian only, since Ubuntu's rarely holds drivers.
 * @returns for example `bookworm-backports`, or undefined
 */
export function backportsSuite(release: OsRelease): string | undefined {
  return release.id === "debian" && release.codename !== "" ? `${release.codename}-backports` : undefined;
}

/**
 * The source file that adds the backports suite from the mirror and with the key of the existing Debian source.
 * @returns its text, or undefined where there is no such suite, no source to copy, or the suite is configured already
 */
export function backportsSource({ release, sources }: Pick<Machine, "release" | "sources">): string | undefined {
  const suite = backportsSuite(release);
  if (suite === undefined || sources.some(({ suites }) => suites.includes(suite))) return undefined;
  const base = sources.find(({ suites, components }) =>
    suites.includes(release.codename) && components.includes("main")
  );
  if (base === undefined) return undefined;
  const key = base.signedBy === undefined ? "" : `Signed-By: ${base.signedBy}\n`;
  return `Types: deb\nURIs: ${base.uri}\nSuites: ${suite}\nComponents: main\n${key}`;
}

/**
 * Reads which build apt would install, and whether a suite offers one, from the text of `apt-cache policy PACKAGE`.
 * @returns major version of the candidate, 0 where there is none; `offered`: whether the suite lists the package
 */
export function parsePolicy(text: string, suite: string | undefined): { major: number; offered: boolean } {
  const candidate = /^\s*Candidate:\s*(?:\d+:)?(\d+)/m.exec(text)?.[1];
  return { major: Number(candidate ?? 0), offered: suite !== undefined && text.includes(` ${suite}/`) };
}

/** The words after `apt-get` that install the driver, from `suite` where one is given. */
export function installArguments(suite: string | undefined): string[] {
  return [
    "install",
    "-y",
    "--no-install-recommends",
    ...(suite === undefined ? [] : ["-t", suite]),
    ...DRIVER_PACKAGES,
  ];
}

/** What a user types to install the driver, or a sentence where no command is known. */
export function installCommand({ os, release, sources }: Omit<Machine, "isRoot">): string {
  if (os !== "linux") return "Update the graphics driver of this machine";
  if (usesApt(release)) {
    const suite = backportsSuite(release);
    const configured = sources.some(({ suites }) => suite !== undefined && suites.includes(suite));
    return `sudo apt-get update && sudo apt-get ${installArguments(configured ? suite : undefined).join(" ")}`;
  }
  const known: Record<string, string> = {
    fedora: "sudo dnf install mesa-vulkan-drivers vulkan-loader",
    arch: "sudo pacman -S vulkan-swrast vulkan-icd-loader",
    suse: "sudo zypper install libvulkan_lvp libvulkan1",
  };
  const id = [release.id, ...release.idLike].find((name) => known[name] !== undefined);
  return id === undefined ? "Install the Vulkan loader and Mesa's software Vulkan driver (lavapipe)" : known[id]!;
}

/** What the user of a Windows machine may set, as Deno does not say which graphics API an adapter belongs to. */
const WINDOWS_ADVICE = `On Windows two variables choose the graphics API and its compiler:
  DENO_WEBGPU_BACKEND=vulkan              where the graphics driver has Vulkan: the faster way
  DENO_WEBGPU_DX12_COMPILER=dynamicdxc    otherwise: Direct3D's older compiler takes up to minutes and has no f16`;

/**
 * Decides what a look at the adapter leads to.
 * @param adapter kind and name of what was found
 * @param machine where it was found
 * @param isFirstStep whether another command waits for the adapter: then a good one is not worth a line
 * @returns the plan; "stop" means exit code 1
 */
export function choosePlan(
  adapter: { readonly kind: AdapterKind; readonly name: string },
  machine: Machine,
  isFirstStep: boolean,
): Plan {
  const found = `WebGPU adapter: ${adapter.name} (${adapter.kind})`;
  const canInstall = machine.os === "linux" && usesApt(machine.release) && machine.isRoot;
  switch (adapter.kind) {
    case "hardware":
    case "software": {
      const advice = machine.os === "windows" ? `\n${WINDOWS_ADVICE}` : "";
      return { action: "go on", message: isFirstStep ? "" : `${found}; nothing to install${advice}` };
    }
    case "hardware OpenGL":
      return { action: "go on", message: `${found}: works; a Vulkan driver for this card is faster` };
    case "software OpenGL":
      return canInstall
        ? { action: "install", message: `${found}: works; installing the software Vulkan driver, four times faster` }
        : {
          action: "go on",
          message: `${found}: works; for the software Vulkan driver, four times faster:\n  ${installCommand(machine)}`,
        };
    case "none":
      return canInstall
        ? { action: "install", message: "No WebGPU adapter found; installing Mesa's software Vulkan driver" }
        : {
          action: "stop",
          message: `No WebGPU adapter found on ${machine.release.name}; install a Vulkan driver and try again:\n  ${
            installCommand(machine)
          }`,
        };
  }
}
