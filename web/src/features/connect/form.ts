/** The values of the "Custom" form, and how they become requests. */
import type { UseFormReturnType } from "@mantine/form";
import type { Account, ConnectRequest, Encryption, Endpoint, ReconnectRequest } from "../../api/client";
import { placeOf } from "../../lib/host";

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

/** Both servers, of which the incoming one may be left out. */
export interface IncomingValues {
  smtp: LoginValues;
  receive: boolean;
  /** The incoming server takes the login of the outgoing one. */
  same_login: boolean;
  imap: LoginValues;
}

export interface CustomValues extends IncomingValues {
  address: string;
  display_name: string;
  provider_name: string;
  owner: "me" | "team";
}

export const IMPORT_DAYS = 30;

export const emptyCustom: CustomValues = {
  address: "",
  display_name: "",
  provider_name: "",
  owner: "me",
  smtp: { host: "", port: 587, encryption: "starttls", username: "", password: "" },
  receive: true,
  same_login: true,
  imap: { host: "", port: 993, encryption: "tls", username: "", password: "" },
};

export function domainOf(address: string): string {
  const domain = address
    .slice(address.lastIndexOf("@") + 1)
    .trim()
    .toLowerCase();
  return address.includes("@") && /^[^\s@]+\.[^\s@.]+$/.test(domain) ? domain : "";
}

/** A new address is also the new username, as long as nobody typed another one. */
export function withAddress(values: CustomValues, address: string): CustomValues {
  const follow = (login: LoginValues) =>
    login.username === values.address ? { ...login, username: address } : login;
  return { ...values, address, smtp: follow(values.smtp), imap: follow(values.imap) };
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

export function checkCustom(values: CustomValues): Errors {
  const errors: Errors = {};
  if (!/^\S+@\S+$/.test(values.address.trim()))
    errors.address = "Enter the whole email address, like ana@acme.test.";
  if (!values.display_name.trim()) errors.display_name = "Enter the name that recipients see.";
  checkLogin("smtp", values.smtp, true, errors);
  if (values.receive) checkLogin("imap", values.imap, !values.same_login, errors);
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

export function toRequest(values: CustomValues): ConnectRequest {
  return {
    provider: "custom",
    address: values.address.trim(),
    display_name: values.display_name.trim(),
    provider_name: values.provider_name.trim(),
    team: values.owner === "team",
    smtp: login(values.smtp, values.smtp),
    imap: values.receive ? login(values.imap, values.same_login ? values.smtp : values.imap) : null,
    import_days: IMPORT_DAYS,
  };
}

export interface ReconnectValues extends IncomingValues {
  /** Both servers exist already and take the one password. */
  same_password: boolean;
}

function known({ host, port, encryption, username }: Endpoint): LoginValues {
  return { host, port, encryption, username, password: "" };
}

export function reconnectValues({ address, smtp, imap }: Account): ReconnectValues {
  return {
    smtp: smtp ? known(smtp) : { ...emptyCustom.smtp, username: address },
    imap: imap ? known(imap) : { ...emptyCustom.imap, username: smtp?.username ?? address },
    receive: Boolean(imap),
    same_login: false,
    same_password: smtp?.username === imap?.username,
  };
}

const SIDES = { smtp: "sending", imap: "receiving" } as const;

/** Where the login of the incoming server is typed. */
function incomingSecrets(values: ReconnectValues, account: Account): "smtp" | "imap" {
  const shared = account.imap ? account.smtp && values.same_password : values.same_login;
  return shared ? "smtp" : "imap";
}

/** Whether the saved password can stand in for an empty field: it goes only to the server it was saved for. */
function savedStands(side: "smtp" | "imap", values: ReconnectValues, account: Account): boolean {
  const saved = account[side];
  const { host, username } = values[side];
  return (
    saved?.host === host.trim() &&
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
      : "Enter the password of the incoming server.";
  };
  const username = (side: "smtp" | "imap") => {
    if (!values[side].username.trim()) errors[`${side}.username`] = "Enter the username.";
  };
  if (account.smtp) {
    checkLogin("smtp", values.smtp, false, errors);
    username("smtp");
    secret("smtp", "smtp");
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
  return {
    ...(account.smtp ? { smtp: change(values.smtp, values.smtp.username, values.smtp) } : {}),
    ...(values.receive ? { imap: change(values.imap, username, secrets) } : {}),
  };
}
