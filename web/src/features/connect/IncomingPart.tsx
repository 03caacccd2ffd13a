import { Checkbox, Stack, Switch } from "@mantine/core";
import { useSession } from "../session/queries";
import classes from "./Connect.module.css";
import { LoginFields, ServerFields } from "./EndpointFields";
import type { FormOf, IncomingValues } from "./form";

interface IncomingProps<T extends IncomingValues> {
  form: FormOf<T>;
  /** Of the address: the usual server names are offered. */
  domain: string;
  importDays: number;
}

/** The receiving side of an account that has none yet: left out, or a server with its login. */
export function IncomingPart<T extends IncomingValues>({ form, domain, importDays }: IncomingProps<T>) {
  const { instance } = useSession();
  const { receive, same_login } = form.getValues();
  return (
    <fieldset className={classes.section}>
      <legend>Incoming (IMAP)</legend>
      <Stack>
        <Switch
          label="Receive mail with this account"
          description={
            receive
              ? `Imports the last ${importDays} days of mail, then follows the mailbox live.`
              : "Off: the account only sends. Answers are not shown here."
          }
          {...form.getInputProps("receive", { type: "checkbox" })}
        />
        {receive && (
          <>
            <ServerFields
              form={form}
              side="imap"
              domain={domain}
              plainAllowed={instance.plain_text_allowed}
            />
            <Checkbox
              label="Same login as the outgoing server"
              {...form.getInputProps("same_login", { type: "checkbox" })}
            />
            {!same_login && <LoginFields form={form} side="imap" />}
          </>
        )}
      </Stack>
    </fieldset>
  );
}
