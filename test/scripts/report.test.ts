/** The counts of `make test` are those of bun's report. */
import { expect, test } from "bun:test";
import { parseReport, readReport } from "../../scripts/test/report.ts";

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="5" failures="1" skipped="2">
  <testsuite name="a.test.ts" file="test/a.test.ts">
    <testcase name="a &quot;q&quot; &gt; b" classname="" time="0" file="test/a.test.ts" line="2" />
    <testcase name="b [skipped: no &lt;nginx&gt;]" classname="d" file="test/a.test.ts" line="3">
      <skipped />
    </testcase>
    <testcase name="c" classname="" file="test/a.test.ts" line="4">
      <failure type="AssertionError" message="x">skipped</failure>
    </testcase>
    <testcase name="d" classname="" file="test/a.test.ts" line="5">
      <skipped message="later" />
    </testcase>
    <testcase name="e" classname="" file="test/a.test.ts" line="6" />
  </testsuite>
</testsuites>`;

test("passed, failed and skipped are counted, the skipped with file and reason", () => {
  const skipped = ["test/a.test.ts: b [skipped: no <nginx>]", "test/a.test.ts: d"];
  expect(parseReport(XML)).toEqual({ passed: 2, failed: 1, skipped });
});

test("a run without a report is a failure", () => {
  expect(readReport("/nonexistent/junit.xml")).toEqual({ passed: 0, failed: 1, skipped: [] });
});
