/** Programs of Debian that tests of other programs need. */

/**
 * Looks for a program, and as root on Debian and its relatives installs it where it is missing.
 * @param packages what it comes with
 * @returns why there is none; undefined where there is
 */
export async function missingProgram(program: string, packages: readonly string[]): Promise<string | undefined> {
  if (await succeeds(program, ["--version"])) return undefined;
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    return `there is no ${program}; install ${packages.join(" and ")} with your package manager`;
  }
  const install = ["-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends", ...packages];
  if (!(await succeeds("apt-get", install))) {
    await succeeds("apt-get", ["update"]);
    if (!(await succeeds("apt-get", install))) return `there is no ${program}, and apt-get could not install it`;
  }
  return await succeeds(program, ["--version"]) ? undefined : `${program} was installed and does not run`;
}

/** Whether a program can be started and ends well. */
export async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const command = new Deno.Command(program, { args: [...args], env, stdin: "null", stdout: "null", stderr: "null" });
  try {
    return (await command.output()).success;
  } catch (error) {
    // A program that is not there is told before there is anything to wait for.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
