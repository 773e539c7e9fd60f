/** Version of the program, as in `deno.json`: what was measured with another one says nothing about this one. */
export const ENGINE_VERSION = "0.1.0";
