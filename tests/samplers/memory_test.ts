import { assert, assertEquals } from "@std/assert";
import { spreadOf } from "../../bench/statistics.ts";
import { gpuTest } from "../support/gpu.ts";
import type { Held } from "./many_restorations.ts";

gpuTest(
  "many restorations in one process leave nothing on the device, and the process does not grow",
  async () => {
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "--no-prompt", "--v8-flags=--expose-gc"],
        ...["--config", new URL("../../deno.json", import.meta.url).pathname, "--allow-env=DENO_WEBGPU_BACKEND"],
        new URL("./many_restorations.ts", import.meta.url).href,
      ],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const rows = JSON.parse(new TextDecoder().decode(stdout)) as Held[];
    for (const { deviceBytes } of rows) assertEquals(deviceBytes, rows[0]!.deviceBytes);
    // An allocator takes memory in steps of up to 32 MB, so one stretch may grow; what is never freed grows in all of them.
    const growth = rows.slice(1).map(({ residentBytes }, k) => residentBytes - rows[k]!.residentBytes);
    const typical = spreadOf(growth).median;
    assert(typical < 1e6, `the process grew by ${growth} bytes, each in 20 restorations`);
  },
);
