import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { Arguments, parseCommand, QUIET_OPTION } from "../../cli/arguments.ts";
import { didYouMean, nearest, UsageError } from "../../parameters/mod.ts";
import { type CommandSpec, helpText } from "../../io/mod.ts";
import { DEGRADE } from "../../cli/degrade.ts";
import { RESTORE } from "../../cli/restore.ts";
import { VERIFY } from "../../cli/verify.ts";
import { runCommand } from "./run_command.ts";

const SPEC: CommandSpec = {
  name: "paint",
  summary: "Paints.",
  operands: { usage: "[FILE]", min: 0, max: 1 },
  options: {
    loud: { kind: "flag", help: "Say more" },
    name: { kind: "text", value: "NAME", help: "A name" },
    count: { kind: "integer", min: -2, max: 9, help: "How many" },
    share: { kind: "number", min: 0, help: "How much" },
    colour: { kind: "choice", choices: ["red", "green"], help: "Which" },
  },
  examples: [["paint a.png", "paint it"]],
};

function parse(...words: string[]): Arguments {
  const args = parseCommand(SPEC, words);
  assertInstanceOf(args, Arguments);
  return args;
}

function refused(fragment: string, ...words: string[]): void {
  assertThrows(() => parseCommand(SPEC, words), UsageError, fragment);
}

Deno.test("parseCommand() reads flags, values in both notations, operands and what was not given", () => {
  const args = parse("a.png", "--loud", "--name=x y", "--count", "-2", "--share", "2.5e-1", "--colour", "green");
  assertEquals(args.operands, ["a.png"]);
  assertEquals([args.flag("loud"), args.text("name"), args.number("count")], [true, "x y", -2]);
  assertEquals([args.number("share"), args.text("colour")], [0.25, "green"]);
  const none = parse();
  assertEquals([none.flag("loud"), none.text("name"), none.number("count"), none.has("share")], [
    false,
    undefined,
    undefined,
    false,
  ]);
});

Deno.test("parseCommand() keeps the words as they were given, and operands that look like numbers as text", () => {
  assertEquals(parse("12", "--count", "3").operands, ["12"]);
  assertEquals(parse("12", "--count", "3").words, ["12", "--count", "3"]);
  assertEquals(parse("--", "--loud").operands, ["--loud"]);
});

Deno.test("parseCommand() keeps --quiet from words and values, so that neither results nor reports depend on it", () => {
  const spec = { ...SPEC, options: { ...SPEC.options, ...QUIET_OPTION } };
  const quiet = parseCommand(spec, ["12", "--quiet", "--loud"]) as Arguments;
  assertEquals([quiet.words, quiet.values, quiet.isQuiet], [["12", "--loud"], { loud: true }, true]);
  assertEquals((parseCommand(spec, ["12"]) as Arguments).isQuiet, false);
});

Deno.test("parseCommand() answers --help and -h before anything else", () => {
  assertEquals(parseCommand(SPEC, ["--help"]), "help");
  assertEquals(parseCommand(SPEC, ["a", "b", "c", "-h"]), "help");
});

Deno.test("parseCommand() names the nearest option for an unknown one, or where to look", () => {
  refused('no option "--lowd"; did you mean "--loud"?', "--lowd");
  refused('no option "--colr"; did you mean "--colour"?', "--colr=red");
  refused('no option "--zzzzzzz"; "paint --help" lists the options', "--zzzzzzz");
  refused('no option "-x"', "-x");
});

Deno.test("parseCommand() refuses missing, malformed, repeated and out-of-range values", () => {
  refused("--name has no value, write --name NAME", "--name");
  refused("--name has no value", "--name", "--loud");
  refused("--count was given 2 times", "--count", "1", "--count", "2");
  for (const value of ["1.5", "ten", "10", "-3", "Infinity", "NaN", "1e999"]) {
    refused(`--count is "${value}", a whole number from -2 to 9 is needed`, "--count", value);
  }
  refused('--share is "-0.1", a number of at least 0 is needed', "--share", "-0.1");
  refused('--colour is "gren", one of red, green is needed; did you mean "green"?', "--colour", "gren");
});

Deno.test("parseCommand() refuses a wrong number of operands and shows them", () => {
  refused('was given "a", "b", [FILE] is needed', "a", "b");
  const needy = { ...SPEC, operands: { usage: "FILE", min: 1, max: 1 } };
  assertThrows(() => parseCommand(needy, []), UsageError, "was given nothing, FILE is needed");
});

Deno.test("nearest() finds a word a few letters away, and nothing further", () => {
  assertEquals(nearest("colorise", ["deblur", "colorize", "inpaint"]), "colorize");
  assertEquals(nearest("SR4", ["sr2", "sr4"]), "sr4");
  assertEquals(nearest("xyz", ["deblur", "inpaint"]), undefined);
  assertEquals(didYouMean("inpant", ["inpaint"]), '; did you mean "inpaint"?');
});

Deno.test("the help of every command lists every option, its values and every example", () => {
  for (const { spec } of [RESTORE, DEGRADE, VERIFY]) {
    const help = helpText(spec);
    for (const [name, option] of Object.entries(spec.options)) {
      assertStringIncludes(help, `  --${name}`);
      assertStringIncludes(help.replace(/\s+/g, " "), option.help);
      for (const choice of option.choices ?? []) assertStringIncludes(help, choice);
    }
    for (const [command] of spec.examples) assertStringIncludes(help, command);
    for (const [name] of spec.lists?.flatMap(({ rows }) => rows) ?? []) assertStringIncludes(help, `\n  ${name} `);
    assertStringIncludes(help, "--help");
    assert(help.split("\n").every((line) => line.length <= 120), `${spec.name}: a line is too long`);
  }
});

Deno.test("every example of a command is a command line that it accepts", () => {
  for (const { spec } of [RESTORE, DEGRADE, VERIFY]) {
    for (const [command] of spec.examples) {
      const words = command.split(" ");
      assertEquals(words.slice(0, 3), ["deno", "task", spec.name]);
      assertInstanceOf(parseCommand(spec, words.slice(3)), Arguments);
    }
  }
});

Deno.test("main() explains itself, and names the nearest command for an unknown one", async () => {
  const help = await runCommand(["--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const name of ["restore", "degrade", "verify"]) assertStringIncludes(help.stdout, `deno task ${name}`);
  const restore = await runCommand(["restore", "--help"]);
  assertEquals([restore.code, restore.stdout], [0, `${helpText(RESTORE.spec)}\n`]);
  const typo = await runCommand(["restor"]);
  assertEquals([typo.code, typo.stdout], [2, ""]);
  assertStringIncludes(typo.stderr, 'there is no command "restor"');
  assertStringIncludes(typo.stderr, 'did you mean "restore"?');
  const none = await runCommand([]);
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, "no command was given");
});
