/**
 * Rows for the options of `evaluate` on several machines, as far as they show without a server; the tests of
 * `distribution/` try the rest with one.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Materials } from "./materials.ts";
import type { Ran, Row, Words } from "./table.ts";

/** A port of this machine where nothing listens. */
const NOBODY = "127.0.0.1:9";

/** What a manifest says of the pods of its shards, as far as it is looked at here. */
interface Pod {
  readonly containers: readonly [{
    readonly image: string;
    readonly command: readonly string[];
    readonly resources: { readonly limits: Readonly<Record<string, string>> };
  }];
  readonly volumes: readonly [{ readonly persistentVolumeClaim: { readonly claimName: string } }];
}

function podOf(ran: Ran): Pod {
  return JSON.parse(ran.text(".json")).items[0].spec.template.spec;
}

/** The options of `evaluate` on several machines. */
export function serveRows({ folder, tiny }: Materials): readonly Row[] {
  const picture = folder.picture("served.png", { width: 8, height: 8 });
  const token = folder.write("token", new TextEncoder().encode("a\nb\nc\n"));
  const inverse = ["evaluate", picture, "--out=@", "--cpu", `--model=${tiny}`, "--methods=pseudo-inverse"];
  const work = (...options: string[]): Words => ["evaluate", "work", `nats://${NOBODY}`, ...options];
  const told = (option: string, given: Words, text: string, code: 1 | 2): Row => ({
    option,
    without: work(),
    given,
    codes: [1, code],
    check: (without, given) => {
      assertStringIncludes(without.stderr, `Cannot reach ${NOBODY}: no server answers there`);
      assertStringIncludes(given.stderr, text);
    },
  });
  const ofCoordinator = (option: string, value = ""): Row =>
    told(option, work(`--${option}${value}`), `--${option} is for the coordinator; leave it out with work`, 2);
  const pods = (changed: Readonly<Record<string, string>> = {}): Words => {
    const options = { shards: "3", kubernetes: "@.json", container: "evaluate:1", claim: "results", ...changed };
    return [...inverse, ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)];
  };
  const ofPods = (
    option: string,
    read: (pod: Pod) => string,
    [before, after]: readonly [string, string],
    prefix = "",
  ): Row => ({
    option,
    without: pods({ [option]: prefix + before }),
    given: pods({ [option]: prefix + after }),
    check: (without, given) => assertEquals([without, given].map((ran) => read(podOf(ran))), [before, after]),
  });
  return [
    {
      option: "serve",
      without: inverse,
      given: [...inverse, `--serve=nats://${NOBODY}`],
      codes: [0, 1],
      check: (_without, { stderr }) => assertStringIncludes(stderr, `Cannot reach ${NOBODY}: no server answers there`),
    },
    told("queue", work("--queue=a b"), '--queue is "a b", 1 to 64 letters', 2),
    told("credentials", work(`--credentials=${token}`), `"${token}" has 3 lines, a .creds file`, 2),
    told("certificates", work(`--certificates=${token}`), "write the address with tls://", 2),
    ofCoordinator("chunk", "=3"),
    ofCoordinator("lease", "=5"),
    ofCoordinator("metrics", "=9"),
    ofCoordinator("replace"),
    {
      option: "slurm",
      without: inverse,
      given: [...inverse, "--shards=3", "--slurm=@.sh"],
      check: (_without, given) => {
        const script = given.text(".sh");
        assertStringIncludes(script, `--cpu --model=${tiny} --methods=pseudo-inverse --shard "$SLURM_ARRAY_TASK_ID/3"`);
        assertStringIncludes(script, `--out '${given.out}'/all`);
        assertEquals(given.has("/plan.json"), false, "nothing is restored");
      },
    },
    {
      option: "shards",
      without: inverse,
      given: [...inverse, "--shards=3"],
      codes: [0, 2],
      check: (_without, { stderr }) => assertStringIncludes(stderr, "--shards needs --slurm or --kubernetes"),
    },
    {
      option: "kubernetes",
      without: inverse,
      given: pods(),
      check: (_without, given) => {
        const { containers: [{ command }] } = podOf(given);
        assertStringIncludes(command[2]!, `--cpu --model=${tiny} --methods=pseudo-inverse --shard`);
        assertStringIncludes(command[2]!, `--out '${given.out}/part-'`);
        assertEquals(given.has("/plan.json"), false, "nothing is restored");
      },
    },
    ofPods("container", ({ containers: [{ image }] }) => image, ["evaluate:1", "evaluate:2"]),
    ofPods("claim", ({ volumes: [volume] }) => volume.persistentVolumeClaim.claimName, ["results", "others"]),
    ofPods("limits", ({ containers: [{ resources }] }) => resources.limits["memory"]!, ["2Gi", "3Gi"], "memory="),
  ];
}
