import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  type AdapterKind,
  backportsSource,
  backportsSuite,
  choosePlan,
  classifyAdapter,
  installArguments,
  installCommand,
  type Machine,
  parseAptSources,
  parseOsRelease,
  parsePolicy,
  usesApt,
} from "../../adapter/mod.ts";

const DEBIAN = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n`;
const UBUNTU = `PRETTY_NAME="Ubuntu 24.04.1 LTS"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n`;
const MINT = `NAME='Linux Mint'\nID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\n`;
const FEDORA = `NAME="Fedora Linux"\nID=fedora\nVERSION_CODENAME=""\n`;

const LIST = [{
  name: "sources.list",
  text: "# comment\ndeb http://deb.debian.org/debian bookworm main contrib # inline\n",
}];
const STANZAS = [{
  name: "debian.sources",
  text: `Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm
# another comment
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main

Types: deb-src
URIs: http://mirror.example/sources
Suites: bookworm
Components: main
`,
}];

function machine(release: string, isRoot: boolean, files: Parameters<typeof parseAptSources>[0] = LIST): Machine {
  return { os: "linux", release: parseOsRelease(release), isRoot, sources: parseAptSources(files) };
}

function adapter(kind: AdapterKind): { kind: AdapterKind; name: string } {
  return { kind, name: kind === "none" ? "" : "llvmpipe" };
}

Deno.test("classifyAdapter() tells hardware, software, OpenGL and nothing apart", () => {
  const kindOf = (description: string, isFallback: boolean, backend: string | undefined): AdapterKind =>
    classifyAdapter({ description, isFallback, backend });
  const apis = "vulkan,metal,dx12";
  const llvmpipe = "llvmpipe (LLVM 15.0.6, 256 bits)";
  assertEquals(classifyAdapter(null), "none");
  assertEquals(kindOf("NVIDIA H200", false, apis), "hardware");
  assertEquals(kindOf("NVIDIA H200", false, undefined), "hardware");
  assertEquals(kindOf("Old GPU", false, "gl"), "hardware OpenGL");
  assertEquals(kindOf(llvmpipe, true, apis), "software");
  assertEquals(kindOf(llvmpipe, false, apis), "software");
  assertEquals(kindOf(llvmpipe, true, "gl"), "software OpenGL");
  assertEquals(kindOf(llvmpipe, false, "gl"), "software OpenGL");
  assertEquals(kindOf("A new CPU driver", true, undefined), "software");
  assertEquals(kindOf("SwiftShader Device", true, "vulkan"), "software");
});

Deno.test("parseOsRelease() reads quoted and bare fields and survives an absent file", () => {
  assertEquals(parseOsRelease(MINT), {
    id: "linuxmint",
    idLike: ["ubuntu", "debian"],
    codename: "wilma",
    name: "Linux Mint",
  });
  assertEquals(parseOsRelease(DEBIAN).name, "Debian GNU/Linux 12 (bookworm)");
  assertEquals(parseOsRelease(""), { id: "", idLike: [], codename: "", name: "this system" });
});

Deno.test("usesApt() holds for Debian, Ubuntu and what is like them", () => {
  assertEquals([DEBIAN, UBUNTU, MINT, FEDORA, ""].map((text) => usesApt(parseOsRelease(text))), [
    true,
    true,
    true,
    false,
    false,
  ]);
});

Deno.test("parseAptSources() reads the one-line form with options", () => {
  assertEquals(
    parseAptSources([...LIST, {
      name: "x.list",
      text: "deb [arch=amd64 signed-by=/k.gpg] https://x.example/d bookworm-backports main\ndeb-src http://y z main\n",
    }]),
    [
      { uri: "http://deb.debian.org/debian", suites: ["bookworm"], components: ["main", "contrib"] },
      { uri: "https://x.example/d", suites: ["bookworm-backports"], components: ["main"], signedBy: "/k.gpg" },
    ],
  );
});

Deno.test("parseAptSources() reads stanzas and leaves disabled and source-only ones out", () => {
  assertEquals(parseAptSources(STANZAS), [{
    uri: "http://mirror.example/debian",
    suites: ["bookworm", "bookworm-updates"],
    components: ["main"],
    signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
  }]);
});

Deno.test("backportsSource() copies mirror and key of the Debian source", () => {
  assertEquals(
    backportsSource(machine(DEBIAN, true, STANZAS)),
    "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\n" +
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
  );
  assertEquals(
    backportsSource(machine(DEBIAN, true)),
    "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm-backports\nComponents: main\n",
  );
});

Deno.test("backportsSource() adds nothing where the suite is configured, unknown, or not Debian's", () => {
  const configured = [...LIST, { name: "b.list", text: "deb http://deb.debian.org/debian bookworm-backports main" }];
  assertEquals(backportsSource(machine(DEBIAN, true, configured)), undefined);
  assertEquals(backportsSource(machine(DEBIAN, true, [])), undefined);
  assertEquals(backportsSource(machine(UBUNTU, true)), undefined);
  const extra = [{ name: "a.list", text: "deb http://m/extra bookworm contrib" }];
  assertEquals(backportsSource(machine(DEBIAN, true, extra)), undefined);
  assertEquals(backportsSuite(parseOsRelease("ID=debian\n")), undefined);
  assertEquals(backportsSuite(parseOsRelease(UBUNTU)), undefined);
});

Deno.test("backportsSource() keeps a key that is written into the source file", () => {
  const text =
    "Types: deb\nURIs: http://m/d\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN-----\n .\n abc\n";
  const source = backportsSource(machine(DEBIAN, true, [{ name: "d.sources", text }]));
  assertStringIncludes(source ?? "", "Signed-By: -----BEGIN-----\n .\n abc\n");
});

Deno.test("parsePolicy() reads the candidate and whether a suite offers the package", () => {
  const text = `mesa-vulkan-drivers:
  Installed: (none)
  Candidate: 22.3.6-1+deb12u2
  Version table:
     25.0.7-2~bpo12+1 100
        100 http://deb.debian.org/debian bookworm-backports/main amd64 Packages
     22.3.6-1+deb12u2 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
`;
  assertEquals(parsePolicy(text, "bookworm-backports"), { major: 22, offered: true });
  assertEquals(parsePolicy(text, "trixie-backports"), { major: 22, offered: false });
  assertEquals(parsePolicy(text, undefined), { major: 22, offered: false });
  assertEquals(parsePolicy("x:\n  Candidate: 1:25.2-1\n", undefined), { major: 25, offered: false });
  assertEquals(parsePolicy("x:\n  Candidate: (none)\n", undefined), { major: 0, offered: false });
  assertEquals(parsePolicy("", undefined), { major: 0, offered: false });
});

Deno.test("installCommand() names the package manager of the system and the suite that is configured", () => {
  const plain = "apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1";
  assertEquals(installArguments(undefined).join(" "), plain.slice("apt-get ".length));
  assertEquals(installCommand(machine(UBUNTU, false)), `sudo apt-get update && sudo ${plain}`);
  const configured = [{ name: "b.list", text: "deb http://deb.debian.org/debian bookworm-backports main" }];
  assertStringIncludes(installCommand(machine(DEBIAN, false, configured)), " -t bookworm-backports mesa-");
  assertStringIncludes(installCommand(machine(FEDORA, false)), "dnf install");
  assertStringIncludes(installCommand(machine("ID=opensuse-leap\nID_LIKE='suse opensuse'", false)), "zypper install");
  assertStringIncludes(installCommand(machine("ID=manjaro\nID_LIKE=arch", false)), "pacman -S");
  assertStringIncludes(installCommand(machine("ID=void", false)), "lavapipe");
  assertStringIncludes(installCommand({ ...machine("", false), os: "darwin" }), "graphics driver");
});

Deno.test("choosePlan() goes on in silence before another task and in one line on its own", () => {
  for (const kind of ["hardware", "software"] as const) {
    assertEquals(choosePlan(adapter(kind), machine(DEBIAN, true), true), { action: "go on", message: "" });
    const { action, message } = choosePlan(adapter(kind), machine(DEBIAN, true), false);
    assertEquals(action, "go on");
    assertMatch(message, /^WebGPU adapter: llvmpipe \((hardware|software)\); nothing to install$/);
  }
});

Deno.test("choosePlan() tells on Windows which variables choose graphics API and compiler, and nothing as the first step", () => {
  const windows = { ...machine("", false), os: "windows" };
  assertEquals(choosePlan(adapter("hardware"), windows, true), { action: "go on", message: "" });
  const { action, message } = choosePlan(adapter("hardware"), windows, false);
  assertEquals(action, "go on");
  assertStringIncludes(message, "DENO_WEBGPU_BACKEND=vulkan");
  assertStringIncludes(message, "DENO_WEBGPU_DX12_COMPILER=dynamicdxc");
});

Deno.test("choosePlan() without an adapter installs as root on Debian and Ubuntu only", () => {
  for (const first of [true, false]) {
    assertEquals(choosePlan(adapter("none"), machine(DEBIAN, true), first).action, "install");
    assertEquals(choosePlan(adapter("none"), machine(UBUNTU, true), first).action, "install");
    assertEquals(choosePlan(adapter("none"), machine(DEBIAN, false), first).action, "stop");
    assertEquals(choosePlan(adapter("none"), machine(FEDORA, true), first).action, "stop");
    assertEquals(choosePlan(adapter("none"), { ...machine(DEBIAN, true), os: "darwin" }, first).action, "stop");
  }
  const { message } = choosePlan(adapter("none"), machine(DEBIAN, false), true);
  assertStringIncludes(message, "Debian GNU/Linux 12 (bookworm)");
  assertStringIncludes(message, "sudo apt-get install -y");
});

Deno.test("choosePlan() installs the Vulkan driver where only software OpenGL is found, as the first step too", () => {
  for (const isFirstStep of [true, false]) {
    const { action, message } = choosePlan(adapter("software OpenGL"), machine(DEBIAN, true), isFirstStep);
    assertEquals(action, "install");
    assertStringIncludes(message, "four times faster");
  }
});

Deno.test("choosePlan() takes software OpenGL where it may not install, and says how to get the faster driver", () => {
  for (const isFirstStep of [true, false]) {
    const { action, message } = choosePlan(adapter("software OpenGL"), machine(DEBIAN, false), isFirstStep);
    assertEquals(action, "go on");
    assertStringIncludes(message, "sudo apt-get update && sudo apt-get install -y");
  }
});

Deno.test("choosePlan() says of a card that is found through OpenGL alone that Vulkan is faster", () => {
  const { action, message } = choosePlan(adapter("hardware OpenGL"), machine(DEBIAN, true), true);
  assertEquals(action, "go on");
  assertStringIncludes(message, "Vulkan");
});
