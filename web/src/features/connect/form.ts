/** The values of the "Custom" form, and how they become requests. */
import type { UseFormReturnType } from "@mantine/form";
import type { Account, ConnectRequest, Encryption, Endpoint, ReconnectRequest } from "../../api/client";

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

export interface CustomValues {
  address: string;
  display_name: string;
  provider_name: string;
  owner: "me" | "team";
  smtp: LoginValues;
  receive: boolean;
  /** The incoming server takes the login of the outgoing one. */
  same_login: boolean;
  imap: LoginValues;
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

export interface ReconnectValues {
  smtp: LoginValues;
  imap: LoginValues;
  same_password: boolean;
}

function known(endpoint: Endpoint | null | undefined): LoginValues {
  return endpoint
    ? {
        host: endpoint.host,
        port: endpoint.port,
        encryption: endpoint.encryption,
        username: endpoint.username,
        password: "",
      }
    : { ...emptyCustom.smtp };
}

export function reconnectValues(account: Account): ReconnectValues {
  return {
    smtp: known(account.smtp),
    imap: known(account.imap),
    same_password: account.smtp?.username === account.imap?.username,
  };
}

export function checkReconnect(values: ReconnectValues, account: Account): Errors {
  const errors: Errors = {};
  for (const side of ["smtp", "imap"] as const) {
    if (!account[side]) continue;
    checkLogin(side, values[side], false, errors);
    if (!values[side].username.trim()) errors[`${side}.username`] = "Enter the username.";
  }
  return errors;
}

/** An empty password is left out: the server then takes the saved one. */
export function toReconnect(values: ReconnectValues, account: Account): ReconnectRequest {
  const change = (side: LoginValues, password: string) => ({
    ...login(side, side),
    password: password === "" ? null : password,
  });
  const both = Boolean(account.smtp && account.imap) && values.same_password;
  return {
    ...(account.smtp ? { smtp: change(values.smtp, values.smtp.password) } : {}),
    ...(account.imap
      ? { imap: change(values.imap, both ? values.smtp.password : values.imap.password) }
      : {}),
  };
}
