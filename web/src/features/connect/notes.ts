/** The addresses of pages in a note of our table of providers. */
export interface NotePart {
  text: string;
  href?: string;
  /** Where it begins. */
  at: number;
}

/** A name with a path or with two dots is a page. Names of mail servers are none, nor is what follows an @. */
const PAGE =
  /(?<![\w@./-])(?:https:\/\/)?(?!(?:imap|smtp|pop3?|mail)[\w-]*\.)(?:[a-z0-9-]+\.)+[a-z]{2,}(?:\/[\w./-]*[\w/-])?(?![\w@-])/g;

function isPage(text: string): boolean {
  const [host = "", ...path] = text.replace(/^https:\/\//, "").split("/");
  return text.startsWith("https://") || path.length > 0 || host.split(".").length > 2;
}

/** A note in pieces, of which those that are pages have their address. */
export function linked(note: string): NotePart[] {
  const parts: NotePart[] = [];
  let end = 0;
  for (const { 0: text, index } of note.matchAll(PAGE)) {
    if (!isPage(text)) continue;
    if (index > end) parts.push({ text: note.slice(end, index), at: end });
    parts.push({ text, href: text.startsWith("https://") ? text : `https://${text}`, at: index });
    end = index + text.length;
  }
  if (end < note.length) parts.push({ text: note.slice(end), at: end });
  return parts;
}
