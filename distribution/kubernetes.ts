/** Shards of an evaluation as an Indexed Job of Kubernetes, on a volume that all of its pods share. */
import { shellQuoted, UsageError } from "../parameters/mod.ts";
import type { Jobs } from "./jobs.ts";

/** How often a shard is started anew after it has failed, or was evicted. */
const RETRIES = 3;

/** The longest name of a job that leaves room for what Kubernetes adds, index and random letters, in 63 characters. */
const NAME = 40;

/** What pods run in. */
export interface Pods {
  /** The image of a container with bash, Deno, and the program in its working directory. */
  readonly container: string;
  /** Name of the persistent volume claim. */
  readonly claim: string;
  /** Limits of each shard, such as `nvidia.com/gpu` and `1`. */
  readonly limits: Readonly<Record<string, string>>;
}

/**
 * Reads limits such as `nvidia.com/gpu=1,memory=16Gi`.
 * @throws {UsageError} if they are none
 */
export function readLimits(text: string | undefined): Readonly<Record<string, string>> {
  const parts = text === undefined ? [] : text.split(",");
  return Object.fromEntries(parts.map((part) => {
    const [, name, value] = /^([A-Za-z0-9][\w./-]*)=(\d+(?:\.\d+)?[A-Za-z]{0,2})$/.exec(part.trim()) ?? [];
    if (name !== undefined && value !== undefined) return [name, value];
    throw new UsageError(`--limits has "${part}", resources such as nvidia.com/gpu=1,memory=16Gi are needed`);
  }));
}

/**
 * The manifest of two jobs: one with an index for every shard, and a merge that waits until it is told to begin, as
 * Kubernetes has no order of jobs.
 * @param jobs the folder of their results is a path in the containers; the volume is mounted at the folder that it is in
 * @throws {UsageError} if that folder is not a path from the root, or the root itself
 */
export function kubernetesManifest({ command, count, out }: Jobs, { container, claim, limits }: Pods): object {
  const [, volume, folder] = /^(\/.+)\/([^/]+)\/?$/.exec(out) ?? [];
  if (volume === undefined || folder === undefined) {
    throw new UsageError(
      `--out is "${out}", with --kubernetes a folder of the volume is needed, as containers see it, such as /data/all: ` +
        "the volume is mounted at /data then",
    );
  }
  const name = jobName(folder);
  const part = (index: string): string => `${shellQuoted(`${volume}/${folder}/part-`)}${index}`;
  const shard = '"$((JOB_COMPLETION_INDEX + 1))';
  const job = (own: string, script: string, spec: object, resources: object): object => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: own, labels: { app: "shortcut" } },
    spec: {
      ...spec,
      template: {
        metadata: { labels: { app: "shortcut" } },
        spec: {
          restartPolicy: "Never",
          containers: [{
            name: "evaluate",
            image: container,
            // Kubernetes replaces $(NAME) in what it starts, and takes two dollars for one.
            command: ["bash", "-c", script.replaceAll("$", "$$$$")],
            volumeMounts: [{ name: "results", mountPath: volume }],
            ...resources,
          }],
          volumes: [{ name: "results", persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  });
  const shards = {
    completionMode: "Indexed",
    completions: count,
    parallelism: count,
    // A shard that fails for good does not stop the others.
    backoffLimitPerIndex: RETRIES,
  };
  const restore = `exec ${command} --shard ${shard}/${count}" --out ${part(`${shard}"`)}`;
  const merge = `exec deno task evaluate merge ${part(`{1..${count}}`)} --out ${
    shellQuoted(`${volume}/${folder}/all`)
  }`;
  const limited = Object.keys(limits).length === 0 ? {} : { resources: { limits } };
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      job(name, restore, shards, limited),
      job(`${name}-merge`, merge, { suspend: true, backoffLimit: RETRIES }, {}),
    ],
  };
}

/** The name of the job of a folder: Kubernetes takes small letters, digits and dashes. */
export function jobName(folder: string): string {
  const name = folder.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, NAME).replace(/^-+|-+$/g, "");
  return name === "" ? "evaluate" : `evaluate-${name}`;
}
