import { Stack, Text, Title } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Page, PageHeader } from "../../ui/Page";
import { SecretInput } from "../../ui/SecretInput";
import { useSession } from "../session/queries";
import classes from "./Connect.module.css";
import { ConnectForm } from "./ConnectForm";
import { Crumbs } from "./Crumbs";
import { LoginFields, ServerFields } from "./EndpointFields";
import { domainOf, type FormOf, type NewValues } from "./form";
import { Identity } from "./Identity";
import type { KnownKind } from "./kinds";
import { NoteList } from "./NoteList";
import { providersQuery } from "./queries";
import { useKnownServers, usePrefetchedServers } from "./useKnownServers";
import { useNewAccount } from "./useNewAccount";

/** Connects an account at a provider whose servers are known, by an app password. */
export function ProviderPage({ kind }: { kind: KnownKind }) {
  const { data: providers } = useSuspenseQuery(providersQuery);
  const card = providers.items.find((each) => each.kind === kind);
  const label = card?.label ?? kind;
  const { fill, complete } = useKnownServers(kind);
  const { form, flow, saving } = useNewAccount(kind, complete);
  usePrefetchedServers(kind, form, fill);
  return (
    <Page name="Connect email">
      <Crumbs here={label} add />
      <PageHeader title={`Connect ${label}`} />
      <ConnectForm flow={flow} save="Save account" saving={saving}>
        {card && card.notes.length > 0 && (
          <section aria-labelledby="first-steps">
            <Title order={2} id="first-steps" mb="sm">
              First, at {label}
            </Title>
            <NoteList notes={card.notes} />
          </section>
        )}
        <Identity form={form}>
          <SecretInput
            {...form.getInputProps("smtp.password")}
            id="smtp.password"
            label="App password"
            description="The one made for Posthouse in the steps above, not the password of the account itself."
            autoComplete="new-password"
          />
        </Identity>
        <Servers form={form} />
      </ConnectForm>
    </Page>
  );
}

const SIDES = [
  { side: "imap", title: "Incoming (IMAP)" },
  { side: "smtp", title: "Outgoing (SMTP)" },
] as const;

/** The servers, already filled in; open when something in them has to be changed. */
function Servers({ form }: { form: FormOf<NewValues> }) {
  const { instance } = useSession();
  const [open, setOpen] = useState(false);
  const { smtp, imap, address } = form.getValues();
  const wrong = Object.keys(form.errors).some(
    (field) => /^(smtp|imap)\./.test(field) && field !== "smtp.password",
  );
  const shown = open || wrong;
  const hosts = [imap.host, smtp.host].filter(Boolean).join(", ");
  return (
    <details className={classes.fold} open={shown} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Text span fw={600}>
          Servers
        </Text>{" "}
        <Text span c="dimmed" size="xs">
          {hosts || "Filled in when the address is typed."}
        </Text>
      </summary>
      <Stack gap="lg" mt="md">
        {SIDES.map(({ side, title }) => (
          <fieldset key={side} className={classes.inner}>
            <legend>{title}</legend>
            <Stack>
              <ServerFields
                form={form}
                side={side}
                domain={domainOf(address)}
                plainAllowed={instance.plain_text_allowed}
              />
              <LoginFields form={form} side={side} withPassword={false} />
            </Stack>
          </fieldset>
        ))}
      </Stack>
    </details>
  );
}
