/** A cluster of one machine: controller, daemon and authentication of Debian's Slurm, on free ports, in one folder. */
import { succeeds } from "./debian.ts";
import { freePort } from "./nats_server.ts";
import { pass } from "./setting.ts";

/** Why there is no cluster; undefined where there is one. Nothing is installed: a scheduler is more than a test may bring. */
export async function missingSlurm(): Promise<string | undefined> {
  for (const [program, version] of [["slurmctld", "-V"], ["slurmd", "-V"], ["munged", "--version"]] as const) {
    if (!(await succeeds(program, [version]))) {
      return `there is no ${program}; as root on Debian: apt-get install slurm-wlm munge`;
    }
  }
  return Deno.uid() === 0 ? undefined : "its daemons are started by root alone";
}

/** The daemons of a cluster, which end when it is disposed of. */
export class SlurmCluster implements AsyncDisposable {
  readonly #daemons: Deno.ChildProcess[] = [];

  private constructor(readonly folder: string) {}

  /** Starts a cluster. */
  static async start(folder: string): Promise<SlurmCluster> {
    const cluster = new SlurmCluster(folder);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What its programs are told by. */
  get env(): Readonly<Record<string, string>> {
    return { SLURM_CONF: `${this.folder}/slurm.conf` };
  }

  /** Runs one of its programs, or a script that does; gives what it printed. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const env = { ...this.env, PATH: `${this.folder}:/usr/local/bin:/usr/bin:/bin:/usr/sbin`, HOME: this.folder };
    const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], env }).output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (!success) throw new Error(`${program} ${args.join(" ")} failed: ${error}`);
    return out!;
  }

  /** Waits until nothing is queued or runs. */
  async idle(): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      if (await this.run("squeue", "--noheader") === "") return;
      await pass(200);
    }
    throw new Error(`The queue is not empty after two minutes: ${await this.run("squeue")}`);
  }

  async #start(): Promise<void> {
    const { folder } = this;
    for (const name of ["state", "spool"]) await Deno.mkdir(`${folder}/${name}`);
    await Deno.writeFile(`${folder}/key`, crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o600 });
    await Deno.writeTextFile(`${folder}/slurm.conf`, configuration(folder, freePort(), freePort()));
    const files = ["key-file=key", "socket=socket", "log-file=munge.log", "pid-file=munge.pid", "seed-file=munge.seed"];
    const args = files.map((file) => `--${file.replace("=", `=${folder}/`)}`);
    // --force: the folder of a test is not owned as those of a machine are.
    this.#daemon("munged", "--foreground", "--force", ...args);
    await this.#until("the socket of munged", () => Deno.stat(`${folder}/socket`).then(() => true, () => false));
    this.#daemon("slurmctld", "-D", "-i");
    this.#daemon("slurmd", "-D", "-N", "localhost");
    await this.#until(
      "an idle node",
      async () => (await this.run("sinfo", "--noheader", "-o", "%t")).trim() === "idle",
    );
  }

  #daemon(program: string, ...args: readonly string[]): void {
    const command = new Deno.Command(program, {
      args: [...args],
      env: this.env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    this.#daemons.push(command.spawn());
  }

  async #until(what: string, isThere: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      if (await isThere().catch(() => false)) return;
      await pass(200);
    }
    const logs = await Promise.all(
      ["munge.log", "slurmctld.log", "slurmd.log"].map((name) =>
        Deno.readTextFile(`${this.folder}/${name}`).catch(() => "")
      ),
    );
    throw new Error(`Slurm did not start, ${what} is missing: ${logs.join("\n")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons.reverse()) {
      try {
        daemon.kill("SIGKILL");
      } catch {
        // It did not start.
      }
      await daemon.status;
    }
  }
}

/** More processors than there are, so that jobs wait for each other where they are told to and not for want of room. */
function configuration(folder: string, controller: number, daemon: number): string {
  return `ClusterName=test
SlurmctldHost=localhost
SlurmctldPort=${controller}
SlurmdPort=${daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/socket
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
SlurmdParameters=config_overrides
NodeName=localhost CPUs=8
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
}
