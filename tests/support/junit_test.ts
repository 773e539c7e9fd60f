import { assertEquals } from "@std/assert";
import { formatSlowest, readReport, writeReport } from "./junit.ts";

/** As `deno test --junit-path` writes it. */
const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="3" failures="1" errors="0" time="3.4">
    <testsuite name="./tests/a_test.ts" tests="2" disabled="0" errors="0" failures="1">
        <testcase name="x &lt; y &amp;&amp; &quot;z&quot;" classname="./tests/support/gpu.ts" time="0.25" line="3" col="6">
        </testcase>
        <testcase name="fails" classname="./tests/a_test.ts" time="2.5" line="9" col="6">
            <failure message="Uncaught AssertionError">AssertionError</failure>
        </testcase>
    </testsuite>
    <testsuite name="./tests/b_test.ts" tests="1" disabled="1" errors="0" failures="0">
        <testcase name="ignored" classname="./tests/b_test.ts" time="0" line="1" col="6">
            <skipped/>
        </testcase>
    </testsuite>
</testsuites>
`;

const TIMES = [
  { name: 'x < y && "z"', seconds: 0.25 },
  { name: "fails", seconds: 2.5 },
];

Deno.test("a report gives name and seconds of the tests that ran", () => {
  assertEquals(readReport(REPORT), TIMES);
  assertEquals(readReport(""), []);
});

Deno.test("a report that is written can be read again", () => {
  assertEquals(readReport(writeReport(TIMES)), TIMES);
});

Deno.test("the slowest tests are listed from the slowest on", () => {
  assertEquals(formatSlowest(TIMES, 1), "    2.5 s  fails");
  assertEquals(formatSlowest(TIMES, 10).split("\n").length, 2);
});
