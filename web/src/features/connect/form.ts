/** The values of the forms that connect an account, and how they become requests. */
import type { UseFormReturnType } from "@mantine/form";
import type {
  Account,
  ConnectRequest,
  Encryption,
  Endpoint,
  Found,
  FoundServer,
  ProviderKind,
  ReconnectRequest,
} from "../../api/client";
import { placeOf } from "../../lib/host";
import { isKnown } from "./kinds";

export const NO_NAME = "Only the name of the server, like mail.example.com.";

export type Errors = Record<string, string>;

/** A form whose check is one function over all values. */
export type FormOf<T> = UseFormReturnType<T, T, (values: T) => Errors>;

export interface LoginValues {
  host: string;
  port: number | "";
  encryption: Encryption;
  username: string;
  password: string;
}

/** Both servers. One is asked for first; the other may be left out, or take the login of the first. */
export interface PairValues {
  smtp: LoginValues;
  imap: LoginValues;
  /** Whether there is an incoming server. */
  receive: boolean;
  /** Whether there is an outgoing server. */
  send: boolean;
  /** The second server takes the login of the first. */
  same_login: boolean;
}

export interface NewValues extends PairValues {
  kind: ProviderKind;
  address: string;
  display_name: string;
  provider_name: string;
  owner: "me" | "team";
}

export const IMPORT_DAYS = 30;

export function emptyOf(kind: ProviderKind): NewValues {
  return {
    kind,
    address: "",
    display_name: "",
    provider_name: "",
    owner: "me",
    smtp: { host: "", port: 587, encryption: "starttls", username: "", password: "" },
    imap: { host: "", port: 993, encryption: "tls", username: "", password: "" },
    receive: true,
    send: kind !== "imap",
    same_login: true,
  };
}

export function domainOf(address: string): string {
  const domain = address
    .slice(address.lastIndexOf("@") + 1)
    .trim()
    .toLowerCase();
  return address.includes("@") && /^[^\s@]+\.[^\s@.]+$/.test(domain) ? domain : "";
}

/** What is wrong with an address as a whole, before anybody is asked. */
export function addressTrouble(address: string): string | undefined {
  return /^\S+@\S+$/.test(address.trim()) ? undefined : "Enter the whole email address, like ana@acme.test.";
}

/** A new address is also the new username, as long as nobody typed another one. */
export function withAddress<T extends NewValues>(values: T, address: string): T {
  const follow = (login: LoginValues) =>
    login.username === values.address ? { ...login, username: address } : login;
  return { ...values, address, smtp: follow(values.smtp), imap: follow(values.imap) };
}

function foundLogin(now: LoginValues, found: FoundServer): LoginValues {
  const { host, port, encryption, usernames } = found;
  return { ...now, host, port, encryption, username: usernames[0] ?? now.username };
}

/** The form with the servers that were found; what was not found is left out where it can be. */
export function withFound(
  values: NewValues,
  { imap, smtp, provider }: Omit<Found, "notes" | "source">,
): NewValues {
  const next = {
    ...values,
    imap: imap ? foundLogin(values.imap, imap) : values.imap,
    smtp: smtp ? foundLogin(values.smtp, smtp) : values.smtp,
    receive: values.kind === "custom" ? Boolean(imap) : values.receive,
    send: values.kind === "imap" ? Boolean(smtp) : values.send,
    provider_name: isKnown(values.kind) ? values.provider_name : (provider ?? values.provider_name),
  };
  return { ...next, same_login: !imap || !smtp || next.imap.username === next.smtp.username };
}

/** Nobody changed this side since it was filled; the username follows the address by itself. */
function untouched(now: LoginValues, filled: LoginValues, address: string): boolean {
  return (
    now.host === filled.host &&
    now.port === filled.port &&
    now.encryption === filled.encryption &&
    (now.username === filled.username || now.username === address)
  );
}

/** The form with servers that were found anew. What a person changed since `filled` stays. */
export function refilled(
  values: NewValues,
  filled: Pick<NewValues, "smtp" | "imap">,
  found: Found,
): NewValues {
  const next = withFound(values, found);
  const side = (name: "smtp" | "imap") =>
    untouched(values[name], filled[name], values.address) ? next[name] : values[name];
  return { ...next, smtp: side("smtp"), imap: side("imap") };
}

/** The server that is asked for first. */
function leadOf(kind: ProviderKind): "smtp" | "imap" {
  return kind === "imap" ? "imap" : "smtp";
}

function checkLogin(name: "smtp" | "imap", login: LoginValues, secret: boolean, errors: Errors): void {
  const server = name === "smtp" ? "outgoing" : "incoming";
  if (!login.host.trim()) errors[`${name}.host`] = `Enter the ${server} server's name.`;
  else if (placeOf(login.host)?.host !== login.host.trim()) errors[`${name}.host`] = NO_NAME;
  if (login.port === "" || login.port < 1 || login.port > 65_535) {
    errors[`${name}.port`] = `Enter the ${server} port, 1 to 65535.`;
  }
  if (!secret) return;
  if (!login.username.trim()) errors[`${name}.username`] = `Enter the username of the ${server} server.`;
  if (!login.password) errors[`${name}.password`] = `Enter the password of the ${server} server.`;
}

/** What is missing at a provider whose servers are known: one password opens both. */
function checkKnown({ smtp, imap }: NewValues, errors: Errors): void {
  // The servers are filled in by the address: until it is right there is nothing to say of them.
  for (const [side, login] of errors.address
    ? []
    : ([
        ["smtp", smtp],
        ["imap", imap],
      ] as const)) {
    checkLogin(side, login, false, errors);
    if (!login.username.trim()) errors[`${side}.username`] = "Enter the username.";
  }
  if (!smtp.password) errors["smtp.password"] = "Enter the app password.";
}

/** What is missing of whose account it is. */
export function checkIdentity(values: NewValues): Errors {
  const errors: Errors = {};
  const address = addressTrouble(values.address);
  if (address) errors.address = address;
  if (!values.display_name.trim()) errors.display_name = "Enter the name that recipients see.";
  return errors;
}

export function checkNew(values: NewValues): Errors {
  const errors = checkIdentity(values);
  if (isKnown(values.kind)) {
    checkKnown(values, errors);
    return errors;
  }
  const lead = leadOf(values.kind);
  for (const side of lead === "smtp" ? (["smtp", "imap"] as const) : (["imap", "smtp"] as const)) {
    if (!values[side === "smtp" ? "send" : "receive"]) continue;
    checkLogin(side, values[side], side === lead || !values.same_login, errors);
  }
  return errors;
}

function login(values: LoginValues, secrets: LoginValues) {
  return {
    host: values.host.trim(),
    port: Number(values.port),
    encryption: values.encryption,
    username: secrets.username.trim(),
    password: secrets.password,
  };
}

/** Google and Yahoo show app passwords in four groups of four letters; the spaces are no part of them. */
export function withoutGroups(password: string): string {
  return /^\s*(?:[a-z]{4}\s+){3}[a-z]{4}\s*$/i.test(password) ? password.replace(/\s+/g, "") : password;
}

function servers(values: NewValues): Pick<ConnectRequest, "smtp" | "imap"> {
  const { kind, smtp, imap, send, receive, same_login } = values;
  if (isKnown(kind)) {
    const password = withoutGroups(smtp.password);
    return { smtp: login(smtp, { ...smtp, password }), imap: login(imap, { ...imap, password }) };
  }
  const secrets = (side: "smtp" | "imap") => values[same_login ? leadOf(kind) : side];
  return {
    smtp: send ? login(smtp, secrets("smtp")) : null,
    imap: receive ? login(imap, secrets("imap")) : null,
  };
}

export function toRequest(values: NewValues): ConnectRequest {
  return {
    provider: values.kind,
    address: values.address.trim(),
    display_name: values.display_name.trim(),
    provider_name: values.provider_name.trim(),
    team: values.owner === "team",
    ...servers(values),
    import_days: IMPORT_DAYS,
  };
}

export interface ReconnectValues extends PairValues {
  /** Both servers exist already and take the one password. */
  same_password: boolean;
}

function known({ host, port, encryption, username }: Endpoint): LoginValues {
  return { host, port, encryption, username, password: "" };
}

export function reconnectValues({ address, smtp, imap }: Account): ReconnectValues {
  const empty = emptyOf("custom");
  return {
    smtp: smtp ? known(smtp) : { ...empty.smtp, username: imap?.username ?? address },
    imap: imap ? known(imap) : { ...empty.imap, username: smtp?.username ?? address },
    receive: Boolean(imap),
    send: Boolean(smtp),
    same_login: false,
    same_password: smtp?.username === imap?.username,
  };
}

const SIDES = { smtp: "sending", imap: "receiving" } as const;

/** Where the login of the outgoing server is typed: a server that is added may take the one of the other. */
function outgoingSecrets(values: ReconnectValues, account: Account): "smtp" | "imap" {
  return !account.smtp && values.same_login ? "imap" : "smtp";
}

/** Where the login of the incoming server is typed. */
function incomingSecrets(values: ReconnectValues, account: Account): "smtp" | "imap" {
  if (!account.smtp) return "imap";
  const shared = account.imap ? values.same_password : values.same_login;
  return shared ? "smtp" : "imap";
}

/** Whether the saved password can stand in for an empty field: it goes only to the server it was saved for. */
function savedStands(side: "smtp" | "imap", values: ReconnectValues, account: Account): boolean {
  const saved = account[side];
  const { host, username } = values[side];
  return (
    saved?.auth === "password" &&
    saved.host === host.trim() &&
    saved.username === username.trim() &&
    account[SIDES[side]].reason !== "password_missing"
  );
}

export function checkReconnect(values: ReconnectValues, account: Account): Errors {
  const errors: Errors = {};
  const secret = (side: "smtp" | "imap", field: "smtp" | "imap") => {
    if (values[field].password || savedStands(side, values, account)) return;
    errors[`${field}.password`] ??= account[side]
      ? "Enter the password: the saved one is not for this server and username, or is gone."
      : `Enter the password of the ${side === "smtp" ? "outgoing" : "incoming"} server.`;
  };
  const username = (side: "smtp" | "imap") => {
    if (!values[side].username.trim()) errors[`${side}.username`] = "Enter the username.";
  };
  if (values.send) {
    const field = outgoingSecrets(values, account);
    checkLogin("smtp", values.smtp, false, errors);
    username(field);
    secret("smtp", field);
  }
  if (values.receive) {
    const field = incomingSecrets(values, account);
    checkLogin("imap", values.imap, false, errors);
    if (account.imap || field === "imap") username("imap");
    secret("imap", field);
  }
  return errors;
}

/** An empty password is left out: the server then takes the saved one. */
export function toReconnect(values: ReconnectValues, account: Account): ReconnectRequest {
  const change = (side: LoginValues, username: string, { password }: LoginValues) => ({
    ...login(side, side),
    username: username.trim(),
    password: password === "" ? null : password,
  });
  const secrets = values[incomingSecrets(values, account)];
  const username = account.imap ? values.imap.username : secrets.username;
  const outgoing = values[outgoingSecrets(values, account)];
  return {
    ...(values.send ? { smtp: change(values.smtp, outgoing.username, outgoing) } : {}),
    ...(values.receive ? { imap: change(values.imap, username, secrets) } : {}),
  };
}
