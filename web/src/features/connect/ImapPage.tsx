import { Text } from "@mantine/core";
import { windowWords } from "../../lib/window";
import { Page, PageHeader } from "../../ui/Page";
import { ConnectForm } from "./ConnectForm";
import { Crumbs } from "./Crumbs";
import { FoundWhere } from "./FoundWhere";
import { domainOf, IMPORT_DAYS } from "./form";
import { Identity } from "./Identity";
import { FirstPart, OptionalPart } from "./OptionalPart";
import { useNewAccount } from "./useNewAccount";

/** Connects a mailbox by its IMAP server; sending may be left out. */
export function ImapPage() {
  const { form, flow, saving, begun } = useNewAccount("imap");
  const domain = domainOf(form.getValues().address);
  return (
    <Page name="Connect email">
      <Crumbs here="Other IMAP" add />
      <PageHeader title="Connect a mailbox by IMAP" />
      <Text c="dimmed" mb="lg">
        Imports {windowWords(IMPORT_DAYS)}, then follows the mailbox live. Sending can be left out.
      </Text>
      <ConnectForm flow={flow} save="Save account" saving={saving}>
        <FoundWhere begun={begun} />
        <Identity form={form} providerLabel="Other IMAP" />
        <FirstPart form={form} side="imap" domain={domain} passwordHelp="Often an app password." />
        <OptionalPart form={form} side="smtp" domain={domain} importDays={IMPORT_DAYS} />
      </ConnectForm>
    </Page>
  );
}
