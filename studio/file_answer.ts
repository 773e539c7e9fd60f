/** The answer to a request for a file: all of it, or from a byte on, so that downloads can go on. */

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
};

/**
 * The answer with a file that there is.
 * @param path of the file
 * @param headers of every answer
 * @throws {Deno.errors.NotFound} if there is none
 */
export async function fileAnswer(
  { method, headers: asked }: Request,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const file = await Deno.open(path);
  const { size, mtime } = await file.stat();
  const tag = `"${size.toString(36)}-${(mtime?.getTime() ?? 0).toString(36)}"`;
  const start = startOf(asked, tag);
  const status = asked.get("if-none-match") === tag ? 304 : start === 0 ? 200 : start < size ? 206 : 416;
  const own: Record<string, string> = { ...headers, "accept-ranges": "bytes", etag: tag };
  if (status < 300) {
    own["content-type"] = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    own["content-length"] = String(size - start);
  }
  if (status === 206) own["content-range"] = `bytes ${start}-${size - 1}/${size}`;
  if (status === 416) own["content-range"] = `bytes */${size}`;
  if (method === "HEAD" || status >= 300) {
    file.close();
    return new Response(null, { status, headers: own });
  }
  await file.seek(start, Deno.SeekMode.Start);
  return new Response(file.readable, { status, headers: own });
}

/** The byte from which the file is asked for, where it is still the version of which those before it are there; else 0. */
function startOf(asked: Headers, tag: string): number {
  const condition = asked.get("if-range");
  const isSame = condition === null || condition === tag;
  return isSame ? Number(/^bytes=(\d+)-$/.exec(asked.get("range") ?? "")?.[1] ?? 0) : 0;
}
