import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import type { Account } from "../../api/client";
import { ButtonLink } from "../../ui/links";
import { accountQuery } from "../accounts/queries";
import connect from "../connect/Connect.module.css";
import { TestPanel } from "../connect/TestPanel";
import { useConnectTest } from "../connect/useConnectTest";
import classes from "./Sync.module.css";
import { SyncFields } from "./SyncFields";
import { useSyncForm } from "./useSyncForm";

/** After an account was connected: how it is to be kept in sync. Leaving it keeps what is set. */
export function StartPage({ id }: { id: string }) {
  const { data: account } = useSuspenseQuery(accountQuery(id));
  return (
    <div className={connect.page}>
      <Stack gap="xs" mb="lg" className={classes.form}>
        <Title order={2}>How it is kept in sync</Title>
        <Text>
          <bdi>{account.address}</bdi> is connected.{" "}
          {account.imap
            ? "Its mail is being imported as set below; that works as it is, and can be changed here or later under Settings."
            : "It only sends: there is no mailbox to copy."}
        </Text>
      </Stack>
      <Start account={account} />
    </div>
  );
}

function sidesOf({ imap, smtp }: Account) {
  return [
    ...(imap ? [{ side: "imap" as const, encryption: imap.encryption }] : []),
    ...(smtp ? [{ side: "smtp" as const, encryption: smtp.encryption }] : []),
  ];
}

function Start({ account }: { account: Account }) {
  const navigate = useNavigate();
  const panel = useRef<HTMLDivElement>(null);
  const test = useConnectTest(`/accounts/${account.id}/test`);
  const testing = test.state.phase === "running";
  const form = useSyncForm(account, () => {
    if (form.dirty) notifications.show({ message: "Saved." });
    void navigate({ to: "/accounts" });
  });
  const onTest = () => {
    panel.current?.scrollIntoView?.({ block: "nearest" });
    void test.run({}, sidesOf(account));
  };
  return (
    <div className={connect.columns}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          form.submit();
        }}
      >
        <fieldset disabled={!account.can_manage} className={classes.form}>
          <Stack gap="lg">
            {account.imap && <SyncFields form={form} />}
            <Group justify="flex-end" gap="sm">
              {form.dirty && (
                <ButtonLink to="/accounts" variant="subtle" color="gray">
                  Keep the defaults
                </ButtonLink>
              )}
              <Button variant="default" loading={testing} onClick={onTest}>
                Test connection
              </Button>
              <Button type="submit" loading={form.busy}>
                Save
              </Button>
            </Group>
          </Stack>
        </fieldset>
      </form>
      <div className={connect.aside} ref={panel}>
        <TestPanel state={test.state} stored />
      </div>
    </div>
  );
}
