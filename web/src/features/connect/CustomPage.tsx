import { Button, Group, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import type { OAuthChoice } from "../../api/client";
import { Page, PageHeader } from "../../ui/Page";
import { ConnectForm } from "./ConnectForm";
import { Crumbs } from "./Crumbs";
import { newPlace, recall } from "./consent/memory";
import { OAuthForm } from "./consent/OAuthForm";
import { useChoices } from "./consent/queries";
import { FoundWhere } from "./FoundWhere";
import { domainOf, IMPORT_DAYS } from "./form";
import { Identity } from "./Identity";
import { FirstPart, OptionalPart } from "./OptionalPart";
import { beginning, useBegun, useNewAccount } from "./useNewAccount";

/** Connects an account by its SMTP and IMAP servers, or at a provider that has no card of its own but an app. */
export function CustomPage() {
  const begun = useBegun();
  const choices = useChoices("custom");
  const [chosen, setChosen] = useState<OAuthChoice | null>();
  // One whose sign-in is on its way is shown again.
  const resumed = useMemo(() => choices?.find(({ provider }) => recall(newPlace(provider))), [choices]);
  const choice = chosen === undefined ? resumed : chosen;
  return (
    <Page name="Connect email">
      <Crumbs here="Custom SMTP" add />
      <PageHeader title={choice ? `Connect ${choice.label}` : "Connect a custom server"} />
      {choice ? (
        <OAuthForm
          choice={choice}
          initial={beginning("custom", begun && { address: begun.address })}
          other={() => (
            <Group>
              <Button variant="transparent" px={0} onClick={() => setChosen(null)}>
                Enter the servers instead
              </Button>
            </Group>
          )}
        />
      ) : (
        <>
          <Others onChoose={setChosen} />
          <ByServers />
        </>
      )}
    </Page>
  );
}

/** Providers without a card that an app is registered with. */
function Others({ onChoose }: { onChoose: (choice: OAuthChoice) => void }) {
  const choices = useChoices("custom")?.filter(({ apps }) => apps.length > 0);
  if (!choices?.length) return null;
  return (
    <Group gap="sm" mb="lg">
      <Text c="dimmed">A mailbox at one of these needs no password here:</Text>
      {choices.map((choice) => (
        <Button key={choice.provider} size="xs" variant="default" onClick={() => onChoose(choice)}>
          Sign in with {choice.label}
        </Button>
      ))}
    </Group>
  );
}

function ByServers() {
  const { form, flow, saving, begun } = useNewAccount("custom");
  const domain = domainOf(form.getValues().address);
  return (
    <ConnectForm flow={flow} save="Save account" saving={saving}>
      <FoundWhere begun={begun} />
      <Identity form={form} providerLabel="Custom SMTP" />
      <FirstPart form={form} side="smtp" domain={domain} passwordHelp="Often an app password." />
      <OptionalPart form={form} side="imap" domain={domain} importDays={IMPORT_DAYS} />
    </ConnectForm>
  );
}
