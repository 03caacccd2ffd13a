import { Page, PageHeader } from "../../ui/Page";
import { ConnectForm } from "./ConnectForm";
import { Crumbs } from "./Crumbs";
import { FoundWhere } from "./FoundWhere";
import { domainOf, IMPORT_DAYS } from "./form";
import { Identity } from "./Identity";
import { FirstPart, OptionalPart } from "./OptionalPart";
import { useNewAccount } from "./useNewAccount";

/** Connects an account by its SMTP and IMAP servers. */
export function CustomPage() {
  const { form, flow, saving, begun } = useNewAccount("custom");
  const domain = domainOf(form.getValues().address);
  return (
    <Page name="Connect email">
      <Crumbs here="Custom SMTP" add />
      <PageHeader title="Connect a custom server" />
      <ConnectForm flow={flow} save="Save account" saving={saving}>
        <FoundWhere begun={begun} />
        <Identity form={form} providerLabel="Custom SMTP" />
        <FirstPart form={form} side="smtp" domain={domain} passwordHelp="Often an app password." />
        <OptionalPart form={form} side="imap" domain={domain} importDays={IMPORT_DAYS} />
      </ConnectForm>
    </Page>
  );
}
