/** Texts by keywords in an XMP packet (ISO 16684-1), as JPEG and WebP files hold it. */

/** The namespace of the texts. */
const NAMESPACE = "urn:shortcut:text#";

const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/** What XML writes otherwise; a return would be read as a new line. */
const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" };

/** The names that XML defines. */
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

// deno-lint-ignore no-control-regex
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/**
 * Writes texts as an XMP packet: the property `entries` is a bag of structures of `keyword` and `value`.
 *
 * @param texts Texts by their keywords.
 * @returns The packet in UTF-8, without padding.
 * @throws RangeError If a keyword or text has a control character, which XML cannot hold.
 */
export function xmpPacket(texts: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(texts).map(([keyword, value]) => {
    if (NOT_IN_XML.test(keyword + value)) {
      throw new RangeError(`Cannot store the text "${keyword}" as XMP: XML has no control characters`);
    }
    const element = (name: string, text: string): string =>
      `<text:${name}>${text.replace(/[&<>\r]/g, (character) => ESCAPES[character]!)}</text:${name}>`;
    return `<rdf:li rdf:parseType="Resource">${element("keyword", keyword)}${element("value", value)}</rdf:li>`;
  });
  return new TextEncoder().encode(
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>' +
      `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="${RDF}">` +
      `<rdf:Description rdf:about="" xmlns:text="${NAMESPACE}">` +
      `<text:entries><rdf:Bag>${entries.join("")}</rdf:Bag></text:entries>` +
      '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>',
  );
}

/**
 * Reads the texts of an XMP packet, also of one that another program wrote anew, with other prefixes and spaces.
 *
 * @param packet The packet in UTF-8.
 * @returns Texts by their keywords, of several with one keyword the first; none where the packet has other properties.
 */
export function xmpTexts(packet: Uint8Array): Record<string, string> {
  const xml = new TextDecoder().decode(packet);
  const prefix = new RegExp(`xmlns:([\\w.-]+)\\s*=\\s*["']${NAMESPACE}["']`).exec(xml)?.[1];
  const texts: Record<string, string> = {};
  if (prefix === undefined) return texts;
  const element = (name: string): string => `<${prefix}:${name}>([^<]*)</${prefix}:${name}>`;
  for (
    const [, keyword = "", value = ""] of xml.matchAll(new RegExp(`${element("keyword")}\\s*${element("value")}`, "g"))
  ) {
    if (!Object.hasOwn(texts, unescaped(keyword))) texts[unescaped(keyword)] = unescaped(value);
  }
  return texts;
}

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    const code = decimal ? Number(decimal) : hex ? parseInt(hex, 16) : undefined;
    if (code === undefined) return ENTITIES[name] ?? whole;
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
