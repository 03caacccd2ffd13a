import { Autocomplete, Group, NumberInput, Select, TextInput } from "@mantine/core";
import type { Encryption } from "../../api/client";
import { type Protocol, portFollowing } from "../../lib/ports";
import { SecretInput } from "../../ui/SecretInput";
import classes from "./Connect.module.css";
import type { FormOf, LoginValues } from "./form";

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
  return (
    <Group gap="sm" align="flex-start" className={classes.server}>
      <Autocomplete
        {...form.getInputProps(`${side}.host`)}
        id={`${side}.host`}
        className={classes.host}
        label="Server"
        placeholder={usual || `${side}.example.com`}
        data={domain ? [usual, `mail.${domain}`] : []}
        autoComplete="off"
        spellCheck={false}
      />
      <NumberInput
        {...form.getInputProps(`${side}.port`)}
        id={`${side}.port`}
        className={classes.port}
        label="Port"
        hideControls
        allowDecimal={false}
        allowNegative={false}
        clampBehavior="none"
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
