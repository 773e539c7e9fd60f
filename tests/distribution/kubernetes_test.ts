/** The manifest for Kubernetes, against what its API allows, and its scripts as bash runs them. */
import { assertEquals, assertThrows } from "@std/assert";
import * as v from "valibot";
import { jobName, kubernetesManifest, readLimits } from "../../distribution/kubernetes.ts";
import { UsageError } from "../../parameters/mod.ts";
import { MANIFEST } from "./kubernetes_schema.ts";

const COMMAND = "deno task evaluate '/data/my $(HOME) photos' --tasks=sr4 --methods 'ssd $$'";
const PODS = { container: "evaluate:1", claim: "results", limits: { "nvidia.com/gpu": "1" } };

/** The manifest as `kubectl` reads it. */
function manifest(out = "/data/it's"): v.InferOutput<typeof MANIFEST> {
  const text = JSON.stringify(kubernetesManifest({ command: COMMAND, count: 3, out }, PODS));
  return v.parse(MANIFEST, JSON.parse(text));
}

Deno.test("kubernetesManifest() is what the API of Kubernetes takes: an Indexed Job, and a merge that waits", () => {
  const { items: [shards, merge] } = manifest();
  const { completions, parallelism, completionMode, backoffLimitPerIndex, template } = shards!.spec;
  assertEquals([shards!.metadata.name, merge!.metadata.name], ["evaluate-it-s", "evaluate-it-s-merge"]);
  assertEquals([completions, parallelism, completionMode, backoffLimitPerIndex], [3, 3, "Indexed", 3]);
  assertEquals([merge!.spec.suspend, shards!.spec.suspend], [true, undefined]);
  assertEquals(template.spec.containers[0]!.resources, { limits: { "nvidia.com/gpu": "1" } });
  assertEquals(merge!.spec.template.spec.containers[0]!.resources, undefined, "a merge needs no card");
  const { volumes, containers: [{ volumeMounts }] } = template.spec as typeof template.spec & {
    readonly containers: readonly [typeof template.spec.containers[number]];
  };
  assertEquals(volumes, [{ name: "results", persistentVolumeClaim: { claimName: "results" } }]);
  assertEquals(volumeMounts, [{ name: "results", mountPath: "/data" }]);
});

Deno.test("kubernetesManifest() names jobs so that the pods of 10,000 shards have names that fit", () => {
  for (const out of ["/data/all", "/d/Ünïted_x/", `/data/${"Long.name-".repeat(20)}`, "/data/---"]) {
    const jobs = { command: COMMAND, count: 10_000, out };
    v.parse(MANIFEST, JSON.parse(JSON.stringify(kubernetesManifest(jobs, PODS))));
  }
  assertEquals([jobName("Ünïted_x"), jobName("---"), jobName("a..b")], [
    "evaluate-n-ted-x",
    "evaluate",
    "evaluate-a-b",
  ]);
});

/** What the kubelet makes of a word: `$(NAME)` of a variable that is set is its value, and two dollars are one. */
function expanded(word: string, env: Readonly<Record<string, string>>): string {
  return word.replace(/\$(?:\$|\(([^()]*)\))/g, (found, name) => found === "$$" ? "$" : env[name] ?? found);
}

Deno.test("the scripts of a manifest run each shard by its index, and merge all of them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/deno`, '#!/bin/bash\nprintf "[%s]" "$@"\n', { mode: 0o755 });
    const run = async (item: number, index: number): Promise<string> => {
      const { template: { spec: { containers: [container] } } } = manifest().items[item]!.spec;
      const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: "/root", JOB_COMPLETION_INDEX: `${index}` };
      const [program, ...args] = container!.command.map((word) => expanded(word, env));
      const { stdout, stderr } = await new Deno.Command(program!, { args, env, clearEnv: true }).output();
      assertEquals(new TextDecoder().decode(stderr), "");
      return new TextDecoder().decode(stdout);
    };
    const words = "[task][evaluate][/data/my $(HOME) photos][--tasks=sr4][--methods][ssd $$]";
    const out = "[--out][/data/it's/";
    assertEquals(await run(0, 0), `${words}[--shard][1/3]${out}part-1]`);
    assertEquals(await run(0, 2), `${words}[--shard][3/3]${out}part-3]`);
    const parts = [1, 2, 3].map((part) => `[/data/it's/part-${part}]`).join("");
    assertEquals(await run(1, 0), `[task][evaluate][merge]${parts}${out}all]`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readLimits() and the folder of a volume: what does not fit is named with what is needed", () => {
  assertEquals(readLimits("nvidia.com/gpu=1, memory=1.5Gi"), { "nvidia.com/gpu": "1", memory: "1.5Gi" });
  assertEquals(readLimits(undefined), {});
  for (const wrong of ["memory", "memory=", "=1", "memory=1Gi,", "memory=one", 'a"b=1']) {
    assertThrows(() => readLimits(wrong), UsageError, "--limits has");
  }
  for (const out of ["all", "/all", "./data/all", ""]) {
    assertThrows(() => manifest(out), UsageError, "with --kubernetes a folder of the volume is needed");
  }
});
