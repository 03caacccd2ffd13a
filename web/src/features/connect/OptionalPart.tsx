import { Checkbox, Stack, Switch } from "@mantine/core";
import type { Protocol } from "../../lib/ports";
import { windowWords } from "../../lib/window";
import { useSession } from "../session/queries";
import classes from "./Connect.module.css";
import { LoginFields, ServerFields } from "./EndpointFields";
import type { FormOf, PairValues } from "./form";

interface PartWords {
  legend: string;
  wish: string;
  on: (importDays: number) => string;
  off: string;
  same: string;
}

const WORDS: Record<Protocol, PartWords> = {
  imap: {
    legend: "Incoming (IMAP)",
    wish: "Receive mail with this account",
    on: (days) => `Imports ${windowWords(days)}, then follows the mailbox live.`,
    off: "Off: the account only sends. Answers are not shown here.",
    same: "Same login as the outgoing server",
  },
  smtp: {
    legend: "Outgoing (SMTP)",
    wish: "Also send from this address",
    on: () => "Mail that you send here leaves through this server.",
    off: "Off: the account only receives. Nothing is sent from it.",
    same: "Same login as the incoming server",
  },
};

interface OptionalProps<T extends PairValues> {
  form: FormOf<T>;
  side: Protocol;
  /** Of the address: the usual server names are offered. */
  domain: string;
  importDays: number;
  /** What the switch says, where it is not the usual. */
  wish?: string;
}

/** The second side of an account: left out, or a server with its login. */
export function OptionalPart<T extends PairValues>({
  form,
  side,
  domain,
  importDays,
  wish,
}: OptionalProps<T>) {
  const { instance } = useSession();
  const values = form.getValues();
  const field = side === "imap" ? "receive" : "send";
  const words = WORDS[side];
  return (
    <fieldset className={classes.section}>
      <legend>{words.legend}</legend>
      <Stack>
        <Switch
          label={wish ?? words.wish}
          description={values[field] ? words.on(importDays) : words.off}
          {...form.getInputProps(field, { type: "checkbox" })}
        />
        {values[field] && (
          <>
            <ServerFields
              form={form}
              side={side}
              domain={domain}
              plainAllowed={instance.plain_text_allowed}
            />
            <Checkbox label={words.same} {...form.getInputProps("same_login", { type: "checkbox" })} />
            {!values.same_login && <LoginFields form={form} side={side} />}
          </>
        )}
      </Stack>
    </fieldset>
  );
}

interface FirstProps<T extends PairValues> {
  form: FormOf<T>;
  side: Protocol;
  domain: string;
  passwordHelp: string;
}

/** The side of an account that is always there. */
export function FirstPart<T extends PairValues>({ form, side, domain, passwordHelp }: FirstProps<T>) {
  const { instance } = useSession();
  return (
    <fieldset className={classes.section}>
      <legend>{WORDS[side].legend}</legend>
      <Stack>
        <ServerFields form={form} side={side} domain={domain} plainAllowed={instance.plain_text_allowed} />
        <LoginFields form={form} side={side} passwordHelp={passwordHelp} />
      </Stack>
    </fieldset>
  );
}
