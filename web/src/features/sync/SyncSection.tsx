import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { Account } from "../../api/client";
import classes from "./Sync.module.css";
import { SyncFields } from "./SyncFields";
import { useSyncForm } from "./useSyncForm";

/** The part of the settings that says how the mailbox is copied. */
export function SyncSection({ account }: { account: Account }) {
  return (
    <section aria-labelledby="sync">
      <Title order={2} id="sync" mb="sm">
        Sync
      </Title>
      <Paper p="lg">
        {account.imap ? (
          <SyncSettings account={account} />
        ) : (
          <Text c="dimmed">This account only sends: there is no mailbox to copy.</Text>
        )}
      </Paper>
    </section>
  );
}

function SyncSettings({ account }: { account: Account }) {
  const paused = account.status === "paused";
  const form = useSyncForm(account, () =>
    notifications.show({
      message: paused ? "Saved. It counts from when the account is resumed." : "Saved. It counts at once.",
    }),
  );
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        form.submit();
      }}
    >
      <fieldset disabled={!account.can_manage} className={classes.form}>
        <Stack gap="lg">
          <SyncFields form={form} />
          <Group>
            <Button type="submit" loading={form.busy} disabled={!form.dirty}>
              Save changes
            </Button>
          </Group>
        </Stack>
      </fieldset>
    </form>
  );
}
