import { assert, assertEquals } from "@std/assert";
import { gpuTest } from "../support/gpu.ts";
import type { Held } from "./many_restorations.ts";

gpuTest(
  "two hundred restorations in one process leave nothing on the device, and the process does not grow",
  async () => {
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "--no-prompt", "--v8-flags=--expose-gc"],
        ...["--config", new URL("../../deno.json", import.meta.url).pathname, "--allow-env=DENO_WEBGPU_BACKEND"],
        new URL("./many_restorations.ts", import.meta.url).href,
      ],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const [early, late] = JSON.parse(new TextDecoder().decode(stdout)) as Held[];
    assertEquals(late!.deviceBytes, early!.deviceBytes);
    const growth = late!.residentBytes - early!.residentBytes;
    assert(growth < 32e6, `the process grew by ${growth} bytes in 160 restorations`);
  },
);
