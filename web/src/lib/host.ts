/** What people type or paste as the name of a server. */
export interface Place {
  host: string;
  port?: number;
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Takes apart what was pasted whole: "https://mail.old.test/" is the name "mail.old.test", "imap.old.test:993" a name and
 * a port. Undefined when no name of a server can be meant.
 */
export function placeOf(typed: string): Place | undefined {
  const rest = typed.trim().replace(SCHEME, "").replace(/\/+$/, "");
  // An address of IP version 6 has colons of its own.
  const [, name = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(rest) ?? [undefined, rest];
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  if (!/^[^\s/@?#]*$/.test(bare) || !/^(?:[^:]*|[\da-f:.]*)$/i.test(bare)) return undefined;
  return port ? { host: bare, port: Number(port) } : { host: bare };
}
