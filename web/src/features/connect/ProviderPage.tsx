import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { ProviderCard } from "../../api/client";
import { Page, PageHeader } from "../../ui/Page";
import { SecretInput } from "../../ui/SecretInput";
import { useSession } from "../session/queries";
import classes from "./Connect.module.css";
import { ConnectForm } from "./ConnectForm";
import { Crumbs } from "./Crumbs";
import { NoApp, NoAppLine } from "./consent/NoApp";
import { OAuthForm } from "./consent/OAuthForm";
import { usableChoice } from "./consent/queries";
import { LoginFields, ServerFields } from "./EndpointFields";
import { domainOf, type FormOf, type NewValues } from "./form";
import { Identity } from "./Identity";
import { isKnown, type KnownKind, type ProviderPageKind } from "./kinds";
import { NoteList } from "./NoteList";
import { providersQuery } from "./queries";
import { useKnownServers, usePrefetchedServers } from "./useKnownServers";
import { beginning, useBegun, useNewAccount } from "./useNewAccount";

/** Connects an account at a provider that we know: by signing in there, or by an app password. */
export function ProviderPage({ kind }: { kind: ProviderPageKind }) {
  const { data: providers } = useSuspenseQuery(providersQuery);
  const card = providers.items.find((each) => each.kind === kind);
  const label = card?.label ?? kind;
  return (
    <Page name="Connect email">
      <Crumbs here={label} add />
      <PageHeader title={`Connect ${label}`} />
      <Ways kind={kind} card={card} />
    </Page>
  );
}

/** The ways that there are, the provider's own sign-in first. What was typed goes along from one to the other. */
function Ways({ kind, card }: { kind: ProviderPageKind; card: ProviderCard | undefined }) {
  const begun = useBegun();
  const choice = usableChoice(card?.oauth);
  const named = choice ?? card?.oauth[0];
  const [way, setWay] = useState<"oauth" | "password">(choice ? "oauth" : "password");
  const [typed, setTyped] = useState<NewValues>();
  const go = (next: "oauth" | "password", values: NewValues) => {
    setTyped(values);
    setWay(next);
  };
  if (!isKnown(kind) && !choice) return <NoApp label={named?.label ?? card?.label ?? kind} />;
  if (choice && (way === "oauth" || !isKnown(kind))) {
    return (
      <OAuthForm
        choice={choice}
        initial={typed ?? beginning(kind, begun && { address: begun.address })}
        {...(isKnown(kind) && {
          other: (values: NewValues) => (
            <Other words="Use an app password instead" onChoose={() => go("password", values)} />
          ),
        })}
      />
    );
  }
  if (!isKnown(kind)) return null;
  return (
    <>
      {named && !choice && <NoAppLine label={named.label} />}
      <PasswordForm
        kind={kind}
        card={card}
        typed={typed}
        other={(values) =>
          choice && (
            <Other words={`Sign in with ${choice.label} instead`} onChoose={() => go("oauth", values)} />
          )
        }
      />
    </>
  );
}

function Other({ words, onChoose }: { words: string; onChoose: () => void }) {
  return (
    <Group>
      <Button variant="transparent" px={0} onClick={onChoose}>
        {words}
      </Button>
    </Group>
  );
}

interface PasswordFormProps {
  kind: KnownKind;
  card: ProviderCard | undefined;
  typed: NewValues | undefined;
  other: (values: NewValues) => ReactNode;
}

/** By an app password: the servers are known. */
function PasswordForm({ kind, card, typed, other }: PasswordFormProps) {
  const { fill, complete } = useKnownServers(kind);
  const { form, flow, saving } = useNewAccount(kind, { complete, typed });
  usePrefetchedServers(kind, form, fill);
  return (
    <ConnectForm flow={flow} save="Save account" saving={saving}>
      {card && card.notes.length > 0 && (
        <section aria-labelledby="first-steps">
          <Title order={2} id="first-steps" mb="sm">
            First, at {card.label}
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
      {!saving && other(form.getValues())}
    </ConnectForm>
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
