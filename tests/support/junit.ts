/** Reports of test runs in JUnit's form, as `deno test --junit-path` writes them. */

/** One test of a run. */
export interface TestTime {
  readonly name: string;
  readonly seconds: number;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    return hex ? String.fromCodePoint(parseInt(hex, 16)) : ENTITIES[name] ?? whole;
  });
}

function encode(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.codePointAt(0)};`);
}

/**
 * The times of the tests in a report; tests that were not run have none.
 * @param xml the report; nothing where the run was ended before it
 */
export function readReport(xml: string): readonly TestTime[] {
  return Array.from(xml.matchAll(/<testcase ([^>]*)>/g), ([, attributes = ""]) => {
    const value = (name: string): string => decode(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
    return { name: value("name"), seconds: Number(value("time")) };
  }).filter(({ seconds }) => seconds > 0);
}

/** A report with these times, as `readReport` reads it. */
export function writeReport(times: readonly TestTime[]): string {
  const rows = times.map(({ name, seconds }) => `<testcase name="${encode(name)}" time="${seconds}"></testcase>`);
  return `<testsuites>\n${rows.join("\n")}\n</testsuites>\n`;
}

/** The slowest tests, a line each: seconds and name. */
export function formatSlowest(times: readonly TestTime[], count: number): string {
  const slowest = [...times].sort((a, b) => b.seconds - a.seconds).slice(0, count);
  return slowest.map(({ name, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${name}`).join("\n");
}
