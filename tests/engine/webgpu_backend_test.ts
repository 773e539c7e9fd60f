import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Backend, chooseBackend, NoAdapterError, WebGpuRuntime } from "../../engine/mod.ts";

/** A program that finds adapters of the backends named, and how often it looked. */
function host(
  { offers = [], set, mayChoose = true }: { offers?: readonly Backend[]; set?: string; mayChoose?: boolean },
): NonNullable<Parameters<typeof chooseBackend>[1]> & { readonly probes: number } {
  let probes = 0;
  return {
    mayChoose,
    get: () => set,
    set: (backends) => set = backends,
    probe: () => {
      probes++;
      return Promise.resolve(set !== undefined && set.split(",").some((name) => offers.includes(name as Backend)));
    },
    get probes() {
      return probes;
    },
  };
}

Deno.test("chooseBackend() takes Vulkan, Metal or Direct3D 12 where one of them has an adapter", async () => {
  for (const backend of ["vulkan", "metal", "dx12"] as const) {
    assertEquals(await chooseBackend(undefined, host({ offers: [backend, "gl"] })), "vulkan,metal,dx12");
  }
});

Deno.test("chooseBackend() takes OpenGL only where nothing else has an adapter", async () => {
  assertEquals(await chooseBackend(undefined, host({ offers: ["gl"] })), "gl");
});

Deno.test("chooseBackend() looks once, and keeps what is set", async () => {
  const once = host({ offers: ["gl"] });
  await chooseBackend(undefined, once);
  assertEquals(await chooseBackend(undefined, once), "gl");
  assertEquals(once.probes, 1);
  const given = host({ offers: ["vulkan"], set: "gl" });
  assertEquals(await chooseBackend(undefined, given), "gl");
  assertEquals(given.probes, 0);
  assertEquals(await chooseBackend(undefined, host({ offers: ["vulkan"], set: "" })), "vulkan,metal,dx12");
});

Deno.test("chooseBackend() takes the backend that is wanted over one that is set", async () => {
  const given = host({ offers: ["vulkan"], set: "vulkan" });
  assertEquals(await chooseBackend("gl", given), "gl");
  assertEquals(given.get(), "gl");
});

Deno.test("chooseBackend() leaves the choice to the program's host where it has none, and says so if one is wanted", async () => {
  const bound = host({ offers: ["vulkan"], mayChoose: false });
  assertEquals(await chooseBackend(undefined, bound), undefined);
  assertEquals(bound.get(), undefined);
  await assertRejects(() => chooseBackend("gl", bound), TypeError, "--allow-env=DENO_WEBGPU_BACKEND");
});

/** Runs a program with the engine in a process of its own, with no backend set, and returns what it prints. */
async function run(program: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const engine = new URL("../../engine/mod.ts", import.meta.url).href;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, `import { chooseBackend, WebGpuRuntime } from "${engine}";\n${program}`);
  try {
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--no-prompt",
        "--config",
        config,
        "--allow-env=DENO_WEBGPU_BACKEND",
        file,
      ],
      env: { DENO_WEBGPU_BACKEND: "", NO_COLOR: "1", ...env },
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).trim();
    assert(success, text(stderr));
    return text(stdout);
  } finally {
    await Deno.remove(file);
  }
}

const PRINT_ADAPTER = `
const runtime = await WebGpuRuntime.open().catch(({ name }) => name);
console.log(Deno.env.get("DENO_WEBGPU_BACKEND"), typeof runtime === "string" ? runtime : runtime.description);
Deno.exit(0);`;

/** No Vulkan driver is found there, as on a machine without one. */
const WITHOUT_VULKAN = { VK_DRIVER_FILES: "/nowhere.json", VK_ICD_FILENAMES: "/nowhere.json" };

Deno.test("WebGpuRuntime.open() decides the same for every program, on this machine and without a Vulkan driver", async () => {
  const hasOthers = await run(`await chooseBackend(); console.log(await navigator.gpu.requestAdapter() !== null);`);
  const here = await run(PRINT_ADAPTER);
  if (hasOthers === "true") assert(/^(vulkan,metal,dx12|gl) (?!NoAdapterError)/.test(here), here);
  else assertEquals(here, "gl NoAdapterError");
  if (Deno.build.os !== "linux") return;
  assert(/^gl (NoAdapterError|.*, OpenGL)$/.test(await run(PRINT_ADAPTER, WITHOUT_VULKAN)));
});

Deno.test("WebGpuRuntime.open() refuses a backend for a provider that is handed in, and names one that has no adapter", async () => {
  const gpu = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
  await assertRejects(() => WebGpuRuntime.open({ gpu, backend: "vulkan" }), TypeError, "handed in");
  const absent = Deno.build.os === "darwin" ? "vulkan" : "metal";
  const program = `console.log(await WebGpuRuntime.open({ backend: "${absent}" }).catch(({ message }) => message));`;
  assert((await run(program)).includes(`no adapter of the backend "${absent}" was found`));
  await assertRejects(() => WebGpuRuntime.open({ gpu }), NoAdapterError);
});
