import { Autocomplete, Group, Select, TextInput } from "@mantine/core";
import type { Encryption } from "../../api/client";
import { placeOf } from "../../lib/host";
import { type Protocol, portFollowing } from "../../lib/ports";
import { SecretInput } from "../../ui/SecretInput";
import classes from "./Connect.module.css";
import { type FormOf, type LoginValues, NO_NAME } from "./form";

type Sides = { smtp: LoginValues; imap: LoginValues };

const CHOICES: { value: Encryption; label: string }[] = [
  { value: "tls", label: "TLS" },
  { value: "starttls", label: "STARTTLS" },
];
const PLAIN = { value: "none" as const, label: "None" };

interface EndpointProps<T extends Sides> {
  form: FormOf<T>;
  side: Protocol;
  /** Of the address: the usual server names are offered. */
  domain: string;
  plainAllowed: boolean;
}

/** Server, port and encryption. A usual port follows the encryption; a port of one's own stays. */
export function ServerFields<T extends Sides>({ form, side, domain, plainAllowed }: EndpointProps<T>) {
  const values = form.getValues()[side];
  const usual = domain ? `${side}.${domain}` : "";
  const onEncryption = (next: Encryption) =>
    form.setFieldValue(side, ((now: LoginValues) => ({
      ...now,
      encryption: next,
      port: portFollowing(side, now.port, next),
    })) as never);
  const put = (field: "host" | "port", value: string | number) =>
    form.setFieldValue(`${side}.${field}`, value as never);
  const onPort = (typed: string) => {
    // What is no port is refused where it is seen, and does not become another port.
    if (/^\d{0,5}$/.test(typed)) put("port", typed === "" ? "" : Number(typed));
    else form.setFieldError(`${side}.port`, "Digits only.");
  };
  const takeApart = () => {
    const { host } = form.getValues()[side];
    const place = placeOf(host);
    if (!place) return form.setFieldError(`${side}.host`, NO_NAME);
    if (place.host !== host) put("host", place.host);
    if (place.port) put("port", place.port);
  };
  return (
    <Group gap="sm" align="flex-start" className={classes.server}>
      <Autocomplete
        {...form.getInputProps(`${side}.host`)}
        id={`${side}.host`}
        onBlur={takeApart}
        onKeyDown={(event) => event.key === "Enter" && takeApart()}
        className={classes.host}
        label="Server"
        placeholder={usual || `${side}.example.com`}
        data={domain ? [usual, `mail.${domain}`] : []}
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        id={`${side}.port`}
        className={classes.port}
        label="Port"
        inputMode="numeric"
        autoComplete="off"
        value={String(values.port)}
        onChange={(event) => onPort(event.currentTarget.value.trim())}
        error={form.errors[`${side}.port`]}
      />
      <Select
        id={`${side}.encryption`}
        className={classes.encryption}
        label="Encryption"
        data={plainAllowed || values.encryption === "none" ? [...CHOICES, PLAIN] : CHOICES}
        value={values.encryption}
        onChange={(value) => value && onEncryption(value as Encryption)}
        error={form.errors[`${side}.encryption`]}
        allowDeselect={false}
      />
    </Group>
  );
}

interface LoginProps<T extends Sides> {
  form: FormOf<T>;
  side: Protocol;
  passwordHelp?: string;
  withPassword?: boolean;
}

export function LoginFields<T extends Sides>({
  form,
  side,
  passwordHelp,
  withPassword = true,
}: LoginProps<T>) {
  return (
    <Group gap="sm" align="flex-start" grow preventGrowOverflow={false} className={classes.login}>
      <TextInput
        {...form.getInputProps(`${side}.username`)}
        id={`${side}.username`}
        label="Username"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      {withPassword && (
        <SecretInput
          {...form.getInputProps(`${side}.password`)}
          id={`${side}.password`}
          label="Password"
          autoComplete="new-password"
          description={passwordHelp}
        />
      )}
    </Group>
  );
}
