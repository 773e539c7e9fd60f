/**
 * Rows for the options of `evaluate` on several machines, as far as they show without a server; the tests of
 * `distribution/` try the rest with one.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Materials } from "./materials.ts";
import type { Row, Words } from "./table.ts";

/** A port of this machine where nothing listens. */
const NOBODY = "127.0.0.1:9";

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
      check: (_without, { stderr }) => assertStringIncludes(stderr, "--slurm and --shards need each other"),
    },
  ];
}
