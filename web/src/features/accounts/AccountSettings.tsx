import { Button, Group, Paper, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Account, Endpoint } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { ErrorSummary, type SummaryEntry } from "../../ui/ErrorSummary";
import { ButtonLink } from "../../ui/links";
import { useUnsaved } from "../../ui/unsaved";
import { RulesSection } from "../sync/RulesSection";
import { SyncSection } from "../sync/SyncSection";
import { usePausing } from "./AccountMenu";
import classes from "./AccountSettings.module.css";
import { AccountTags } from "./AccountTags";
import { ConnectionCard } from "./ConnectionCard";
import { accountQuery, useChangeAccount } from "./queries";

/** The Edit page: names, servers, and how the connection is. */
export function AccountSettings({ id }: { id: string }) {
  const { data: account } = useSuspenseQuery(accountQuery(id));
  return (
    <div className={classes.page}>
      <Stack gap="xl">
        <section aria-labelledby="connection">
          <Title order={2} id="connection" mb="sm">
            Connection
          </Title>
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" className={classes.cards}>
            <ConnectionCard account={account} side="receiving" />
            <ConnectionCard account={account} side="sending" />
          </SimpleGrid>
        </section>
        <Servers account={account} />
        <General account={account} />
        <SyncSection account={account} />
        {account.imap && <RulesSection account={account} />}
        <AccountTags account={account} />
      </Stack>
    </div>
  );
}

const ENCRYPTION = { tls: "TLS", starttls: "STARTTLS", none: "no encryption" };

function Server({ name, endpoint }: { name: string; endpoint: Endpoint | null | undefined }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {endpoint ? (
          <>
            {endpoint.host}:<span className="figures">{endpoint.port}</span>,{" "}
            {ENCRYPTION[endpoint.encryption]}
            <Text size="xs" c="dimmed">
              Login {endpoint.username}
            </Text>
          </>
        ) : (
          <Text c="dimmed">Not set up</Text>
        )}
      </dd>
    </>
  );
}

function Servers({ account }: { account: Account }) {
  return (
    <section aria-labelledby="servers">
      <Title order={2} id="servers" mb="sm">
        Servers
      </Title>
      <Paper p="lg">
        <dl className={classes.facts}>
          <Server name="Outgoing (SMTP)" endpoint={account.smtp} />
          <Server name="Incoming (IMAP)" endpoint={account.imap} />
        </dl>
        {account.can_manage && (
          <ButtonLink to="/accounts/$id/reconnect" params={{ id: account.id }} variant="default" mt="lg">
            Change servers or password
          </ButtonLink>
        )}
      </Paper>
    </section>
  );
}

/** Whether it works at all; switched at once. */
function Status({ account }: { account: Account }) {
  const { paused, toggle, pending } = usePausing(account);
  return (
    <Group justify="space-between" gap="sm" className={classes.status}>
      <div>
        <Text fw={500}>Status: {paused ? "Paused" : "Active"}</Text>
        <Text size="xs" c="dimmed">
          {paused
            ? "Nothing is fetched, and what is to be sent waits."
            : "Mail is fetched and sent, as far as each side is connected."}
        </Text>
      </div>
      {account.can_manage && (
        <Button variant="default" loading={pending} onClick={toggle}>
          {paused ? "Resume" : "Pause"}
        </Button>
      )}
    </Group>
  );
}

function General({ account }: { account: Account }) {
  const change = useChangeAccount(account.id);
  const [summary, setSummary] = useState<SummaryEntry[]>([]);
  const [round, setRound] = useState(0);
  const form = useForm({
    initialValues: { display_name: account.display_name, provider_name: account.provider_name ?? "" },
  });
  useUnsaved(form.isDirty());
  const submit = form.onSubmit((values) =>
    change.mutate(values, {
      onSuccess: () => {
        setSummary([]);
        form.resetDirty(values);
        notifications.show({ message: "Saved." });
      },
      onError: (error) => {
        const problem = asApiError(error);
        form.setErrors(Object.fromEntries(problem.fields.map((each) => [each.field, each.message])));
        setSummary(problem.fields.length > 0 ? problem.fields : [{ message: problem.message }]);
        setRound((value) => value + 1);
      },
    }),
  );
  return (
    <section aria-labelledby="names">
      <Title order={2} id="names" mb="sm">
        General
      </Title>
      <Paper p="lg">
        <Status account={account} />
        <form onSubmit={submit} noValidate>
          <fieldset disabled={!account.can_manage} className={classes.fields}>
            <Stack>
              <ErrorSummary entries={summary} round={round} />
              <TextInput
                id="display_name"
                dir="auto"
                label="Display name"
                description="Recipients see it before the address."
                {...form.getInputProps("display_name")}
              />
              <TextInput
                id="provider_name"
                dir="auto"
                label="Provider name"
                description="Shown in the Provider column."
                {...form.getInputProps("provider_name")}
              />
              <Group>
                <Button type="submit" loading={change.isPending} disabled={!form.isDirty()}>
                  Save changes
                </Button>
              </Group>
            </Stack>
          </fieldset>
        </form>
      </Paper>
    </section>
  );
}
