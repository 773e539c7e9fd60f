/** The long form of the test of kills: `deno run -A tests/distribution/kill.ts [KILLS] [SEED]`. */
import { killAtRandom } from "./kills.ts";
import { withServer } from "./nats_server.ts";

const [kills = 100, seed = 1] = Deno.args.map(Number);
const start = performance.now();
await withServer(async (test) => {
  const { evaluations, ...killed } = await killAtRandom(test, { kills, seed });
  const victims = Object.entries(killed).map(([victim, count]) => `${victim} ${count}`).join(", ");
  // deno-lint-ignore no-console -- it is what the program is for
  console.log(
    `${kills} kills (${victims}) during ${evaluations} evaluations: all tables are those of one process ` +
      `(${Math.round((performance.now() - start) / 1000)} s)`,
  );
});
