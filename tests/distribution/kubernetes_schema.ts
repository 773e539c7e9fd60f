/**
 * What the API of Kubernetes says of a Job of `batch/v1` and of the pods in it, as far as manifests of this program use it:
 * names of fields, their types and bounds, and which ones belong together. Fields that are not here are refused.
 */
import * as v from "valibot";

/** A label of the domain name system, which names of jobs, volumes and containers are: RFC 1123. */
const LABEL = v.pipe(v.string(), v.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/), v.maxLength(63));

/** A quantity of a resource, such as `1`, `0.5`, `500m` or `16Gi`. */
const QUANTITY = v.pipe(v.string(), v.regex(/^\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/));

/** The name of a resource: what Kubernetes counts itself, or a domain and a name. */
const RESOURCE = v.pipe(v.string(), v.regex(/^(cpu|memory|ephemeral-storage|[a-z0-9.-]+\.[a-z]+\/[A-Za-z0-9._-]+)$/));

const COUNT = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 31 - 1));

const LABELS = v.record(
  v.pipe(v.string(), v.regex(/^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/), v.maxLength(63)),
  v.pipe(v.string(), v.regex(/^([A-Za-z0-9]([\w.-]*[A-Za-z0-9])?)?$/), v.maxLength(63)),
);

const CONTAINER = v.strictObject({
  name: LABEL,
  image: v.pipe(v.string(), v.minLength(1)),
  command: v.array(v.string()),
  volumeMounts: v.array(v.strictObject({ name: LABEL, mountPath: v.pipe(v.string(), v.regex(/^\/[^:]+$/)) })),
  resources: v.exactOptional(v.strictObject({ limits: v.record(RESOURCE, QUANTITY) })),
});

const POD = v.pipe(
  v.strictObject({
    // Pods of jobs may not be of "Always".
    restartPolicy: v.picklist(["Never", "OnFailure"]),
    containers: v.pipe(v.array(CONTAINER), v.minLength(1)),
    volumes: v.array(v.strictObject({ name: LABEL, persistentVolumeClaim: v.strictObject({ claimName: LABEL }) })),
  }),
  v.check(
    ({ containers, volumes }) =>
      containers.every(({ volumeMounts }) =>
        volumeMounts.every((mount) => volumes.some(({ name }) => name === mount.name))
      ),
    "a volume that is mounted must be there",
  ),
);

const SPEC = v.pipe(
  v.strictObject({
    completionMode: v.exactOptional(v.picklist(["Indexed", "NonIndexed"])),
    completions: v.exactOptional(COUNT),
    parallelism: v.exactOptional(COUNT),
    backoffLimit: v.exactOptional(COUNT),
    backoffLimitPerIndex: v.exactOptional(COUNT),
    suspend: v.exactOptional(v.boolean()),
    template: v.strictObject({ metadata: v.strictObject({ labels: LABELS }), spec: POD }),
  }),
  v.check(
    ({ completionMode, completions, parallelism = 1 }) =>
      completionMode !== "Indexed" || completions !== undefined && completions <= 100_000 && parallelism <= 100_000,
    "an Indexed job has a number of completions, and at most 100,000 of them and at once",
  ),
  v.check(
    ({ backoffLimitPerIndex, completionMode, template }) =>
      backoffLimitPerIndex === undefined ||
      completionMode === "Indexed" && template.spec.restartPolicy === "Never",
    "tries for each index are of Indexed jobs with pods that are not restarted",
  ),
);

const JOB = v.pipe(
  v.strictObject({
    apiVersion: v.literal("batch/v1"),
    kind: v.literal("Job"),
    metadata: v.strictObject({ name: LABEL, labels: v.exactOptional(LABELS) }),
    spec: SPEC,
  }),
  v.check(
    ({ metadata: { name }, spec: { completions = 1 } }) => `${name}-${completions - 1}-abcde`.length <= 63,
    "names of pods, with index and five letters, have at most 63 characters",
  ),
);

/** The manifest as a whole. */
export const MANIFEST = v.strictObject({
  apiVersion: v.literal("v1"),
  kind: v.literal("List"),
  items: v.array(JOB),
});
