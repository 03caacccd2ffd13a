/** Which port goes with which protection (RFC 8314 for the encrypted ones, RFC 6409 and RFC 9051 for the others). */
export type Encryption = "tls" | "starttls" | "none";
export type Protocol = "smtp" | "imap";

const USUAL: Record<Protocol, Record<Encryption, number>> = {
  smtp: { tls: 465, starttls: 587, none: 587 },
  imap: { tls: 993, starttls: 143, none: 143 },
};

export function usualPort(protocol: Protocol, encryption: Encryption): number {
  return USUAL[protocol][encryption];
}

/** The port after the encryption changed: a usual port follows it, a port that a person chose stays. */
export function portFollowing(protocol: Protocol, port: number | "", encryption: Encryption): number {
  if (port === "") return usualPort(protocol, encryption);
  return Object.values(USUAL[protocol]).includes(port) ? usualPort(protocol, encryption) : port;
}
