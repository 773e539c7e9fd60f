import { assertEquals } from "@std/assert";
import { html } from "../../report/mod.ts";

Deno.test("html`` escapes values and puts markup in as it is", () => {
  assertEquals(
    html`<p title="${'"'}">${"<&>"}${html`<b>`}${["a", undefined, 1]}</p>`.text,
    '<p title="&quot;">&lt;&amp;&gt;<b>a1</p>',
  );
});
