import { Button, Group, Paper, Select, Skeleton, Stack, Switch, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { MailSettings } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { LoadFailed } from "../../ui/Notice";
import { Page, PageHeader } from "../../ui/Page";
import { accountSearchQuery } from "../accounts/queries";
import { mailSettingsQuery, useChooseSender, useWantMail } from "./actions";
import classes from "./Notices.module.css";

/** Whether I get mail about outages, and who writes the mail of this workspace. */
export function NotificationsPage() {
  const settings = useQuery(mailSettingsQuery);
  return (
    <Page name="Notifications">
      <PageHeader title="Notifications" />
      {settings.isPending && (
        <Stack role="status" aria-busy aria-label="Loading the settings" className={classes.settings}>
          <Skeleton h="6rem" />
          <Skeleton h="9rem" />
        </Stack>
      )}
      {settings.isError && (
        <LoadFailed what="The settings" error={settings.error} retry={() => void settings.refetch()} />
      )}
      {settings.data && (
        <Stack gap="xl" className={classes.settings}>
          <Mine settings={settings.data} />
          <Sender settings={settings.data} />
        </Stack>
      )}
    </Page>
  );
}

function failed(error: unknown): void {
  notifications.show({ color: "red", title: "Not saved", message: asApiError(error).message });
}

function Mine({ settings }: { settings: MailSettings }) {
  const want = useWantMail();
  return (
    <section aria-labelledby="mine">
      <Title order={2} id="mine" mb="sm">
        Mail to me
      </Title>
      <Paper p="lg">
        <Switch
          label="Write to me about outages and recoveries"
          description={`To ${settings.address}: one mail when an account stops working for a while, one when it works again.`}
          checked={settings.mails}
          disabled={want.isPending}
          onChange={(event) => want.mutate(event.currentTarget.checked, { onError: failed })}
        />
        {settings.way === "none" && (
          <Text size="xs" c="dimmed" mt="md">
            No mail is written in this workspace for now: see below. The bell has everything.
          </Text>
        )}
      </Paper>
    </section>
  );
}

const WAYS: Record<MailSettings["way"], string> = {
  none: "Nobody. Notices are shown under the bell only.",
  operator: "The mail server that whoever runs this Posthouse has set.",
  account: "An account of this workspace.",
};

function Sender({ settings }: { settings: MailSettings }) {
  return (
    <section aria-labelledby="sender">
      <Title order={2} id="sender" mb="sm">
        Who writes it
      </Title>
      <Paper p="lg">
        <Stack>
          <Text>{settings.account ? `The account ${settings.account.address}.` : WAYS[settings.way]}</Text>
          {settings.can_choose ? (
            <Choice key={settings.account?.id ?? ""} settings={settings} />
          ) : (
            <Text size="xs" c="dimmed">
              An admin of the workspace can choose an account for it.
            </Text>
          )}
        </Stack>
      </Paper>
    </section>
  );
}

function Choice({ settings }: { settings: MailSettings }) {
  const choose = useChooseSender();
  const [search, setSearch] = useState("");
  const [chosen, setChosen] = useState<string | null>(settings.account?.id ?? null);
  const found = useQuery(accountSearchQuery(search));
  const options = new Map(settings.account ? [[settings.account.id, settings.account.address]] : []);
  for (const each of found.data?.items ?? []) if (each.can_send) options.set(each.id, each.address);
  const save = (id: string | null) =>
    choose.mutate(id, { onSuccess: () => notifications.show({ message: "Saved." }), onError: failed });
  return (
    <Stack gap="md">
      <Select
        label="Account for system mail"
        description="These mails leave through its outbox and count as sent by it. Nothing is sent from an account that nobody chose here."
        placeholder="Search accounts"
        searchable
        searchValue={search}
        onSearchChange={setSearch}
        nothingFoundMessage={found.isFetching ? "Searching…" : "No account that can send matches"}
        data={[...options].map(([value, label]) => ({ value, label }))}
        value={chosen}
        onChange={setChosen}
      />
      <Group gap="sm">
        <Button
          onClick={() => save(chosen)}
          loading={choose.isPending}
          disabled={!chosen || chosen === settings.account?.id}
        >
          Use this account
        </Button>
        {settings.account && (
          <Button variant="default" onClick={() => save(null)} disabled={choose.isPending}>
            {settings.operator_server ? "Use the operator's server instead" : "Write no mail"}
          </Button>
        )}
      </Group>
    </Stack>
  );
}
