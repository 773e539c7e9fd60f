import { assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";

Deno.test("parseArgs() reads --name value, --name=value and positional arguments", () => {
  assertEquals<unknown>(parseArgs(["photo.png", "--task", "sr4", "--out=a=b.png"], { string: ["task", "out"] }), {
    _: ["photo.png"],
    task: "sr4",
    out: "a=b.png",
  });
});

Deno.test("parseArgs() turns undeclared numbers into numbers and keeps declared text", () => {
  assertEquals<unknown>(
    parseArgs(["--steps", "30", "--seed", "007", "--eta=-1e-3", "0x10", "5"], { string: ["seed"] }),
    {
      _: [16, 5],
      steps: 30,
      seed: "007",
      eta: -1e-3,
    },
  );
  assertEquals<unknown>(parseArgs(["5"], { string: ["_"] }), { _: ["5"] });
});

Deno.test("parseArgs() takes no value for a boolean option unless it is true or false", () => {
  const options = { boolean: ["degrade", "json"] } as const;
  assertEquals<unknown>(parseArgs(["--degrade", "a.png"], options), { _: ["a.png"], degrade: true, json: false });
  assertEquals<unknown>(parseArgs(["--degrade", "false", "--json=true"], options), {
    _: [],
    degrade: false,
    json: true,
  });
  assertEquals<unknown>(parseArgs(["--degrade=false", "--json=yes"], options), { _: [], degrade: false, json: true });
});

Deno.test("parseArgs() gives an option without a value true, or the empty text where it is declared as text", () => {
  assertEquals<unknown>(parseArgs(["--out", "--sheet"], { string: ["out"] }), { _: [], out: "", sheet: true });
});

Deno.test("parseArgs() lets --no-NAME negate only what is declared negatable", () => {
  const options = { boolean: ["progress"], negatable: ["progress"], default: { progress: true } } as const;
  assertEquals<unknown>(parseArgs([], options), { _: [], progress: true });
  assertEquals<unknown>(parseArgs(["--no-progress"], options), { _: [], progress: false });
  assertEquals<unknown>(parseArgs(["--no-color"], options), { _: [], progress: true, "no-color": true });
});

Deno.test("parseArgs() collects repeated options and lets the last of the others win", () => {
  assertEquals<unknown>(
    parseArgs(["--tag", "a", "--tag=b", "--n", "1", "--n", "2"], { string: ["tag"], collect: ["tag"] }),
    {
      _: [],
      tag: ["a", "b"],
      n: 2,
    },
  );
  assertEquals<unknown>(parseArgs([], { string: ["tag"], collect: ["tag"] }), { _: [], tag: [] });
});

Deno.test("parseArgs() writes a value under every alias, defaults included", () => {
  const options = {
    string: ["out"],
    boolean: ["help"],
    alias: { out: "o", help: ["h", "?"] },
    default: { out: "x" },
  } as const;
  assertEquals<unknown>(parseArgs(["-o", "7", "-h"], options), {
    _: [],
    out: "7",
    o: "7",
    help: true,
    h: true,
    "?": true,
  });
  assertEquals<unknown>(parseArgs([], options), { _: [], out: "x", o: "x", help: false, h: false, "?": false });
});

Deno.test("parseArgs() splits groups of short options and their values", () => {
  assertEquals<unknown>(parseArgs(["-abc"]), { _: [], a: true, b: true, c: true });
  assertEquals<unknown>(parseArgs(["-ab", "file"]), { _: [], a: true, b: "file" });
  assertEquals<unknown>(parseArgs(["-n5", "-m=6", "-k-7"]), { _: [], n: 5, m: 6, k: -7 });
  assertEquals<unknown>(parseArgs(["-"]), { _: ["-"] });
});

Deno.test("parseArgs() leaves everything after -- alone", () => {
  assertEquals<unknown>(parseArgs(["a", "--", "--b", "3"]), { _: ["a", "--b", "3"] });
  assertEquals<unknown>(parseArgs(["a", "--", "--b", "3"], { "--": true }), { _: ["a"], "--": ["--b", "3"] });
});

Deno.test("parseArgs() stops at the first positional argument with stopEarly", () => {
  assertEquals<unknown>(parseArgs(["--json", "restore", "--task", "sr4"], { boolean: ["json"], stopEarly: true }), {
    _: ["restore", "--task", "sr4"],
    json: true,
  });
});

Deno.test("parseArgs() reports what is undeclared and leaves it out where unknown() returns false", () => {
  const seen: unknown[] = [];
  const args = parseArgs(["a.png", "--taks", "sr4", "--task", "sr8", "-qx"], {
    string: ["task"],
    alias: { quick: "q" },
    unknown: (arg, key, value) => {
      seen.push([arg, key, value]);
      return key === undefined;
    },
  });
  assertEquals<unknown>(args, { _: ["a.png"], task: "sr8", quick: true, q: true });
  assertEquals(seen, [["a.png", undefined, undefined], ["--taks", "taks", "sr4"], ["-qx", "x", true]]);
});

Deno.test("parseArgs() types declared options", () => {
  const args = parseArgs(["--task", "sr4", "--tag", "a"], {
    string: ["task", "tag"],
    boolean: ["json"],
    collect: ["tag"],
  });
  const task: string | undefined = args.task;
  const json: boolean = args.json;
  const tags: string[] = args.tag;
  assertEquals([task, json, tags], ["sr4", false, ["a"]]);
});
