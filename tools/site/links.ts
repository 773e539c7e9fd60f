/** Whether the links of a written site lead somewhere. */

/** Folders that other programs write, with pages of their own kind; they are led to, and not read. */
const FOREIGN = /^(api|studio|reports)\//;

/** Addresses of all files of a folder. */
async function addressesIn(folder: string, prefix = ""): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    if (isDirectory) found.push(...await addressesIn(folder, `${prefix}${name}/`));
    else found.push(prefix + name);
  }
  return found;
}

/** The code in a page is text: what it says of tags is no tag. */
function tagsOf(page: string): string {
  return (page.match(/<[a-z][^<>]*>/g) ?? []).join("\n");
}

/**
 * What is wrong with the links, pictures and anchors of the pages of a site, and what a page would fetch from elsewhere or
 * run; empty if nothing is.
 * @param folder a whole site
 */
export async function linkProblems(folder: string): Promise<readonly string[]> {
  const addresses = new Set(await addressesIn(folder));
  const own = [...addresses].filter((address) => address.endsWith(".html") && !FOREIGN.test(address)).sort();
  const tags = new Map<string, string>();
  for (const address of own) tags.set(address, tagsOf(await Deno.readTextFile(`${folder}/${address}`)));
  const problems: string[] = [];
  for (const [address, text] of tags) {
    if (/<(script|iframe|object|embed)\b/.test(text)) problems.push(`${address}: holds a script or another page`);
    for (const [, tag, name, value] of text.matchAll(/<(\w+)[^<>]*? (href|src)="([^"]*)"/g)) {
      const link = value!.replaceAll("&amp;", "&");
      if (/^data:/.test(link)) continue;
      if (/^([a-z]+:|\/)/i.test(link)) {
        if (tag !== "a" || !/^https:|^mailto:/.test(link)) {
          problems.push(`${address}: ${name} of <${tag}> is "${link}"`);
        }
        continue;
      }
      const { pathname, hash } = new URL(link, `file:///${address}`);
      const target = decodeURIComponent(pathname).slice(1);
      if (!addresses.has(target)) problems.push(`${address}: "${link}" leads nowhere`);
      else if (hash !== "" && tags.has(target)) {
        const id = decodeURIComponent(hash.slice(1));
        if (!tags.get(target)!.includes(` id="${id}"`)) problems.push(`${address}: "${link}" has no such place`);
      }
    }
  }
  return problems;
}
