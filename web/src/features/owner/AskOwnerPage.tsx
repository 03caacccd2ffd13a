import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import type { Account } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { ButtonLink } from "../../ui/links";
import { accountQuery } from "../accounts/queries";
import connect from "../connect/Connect.module.css";
import { LinkMade } from "./LinkMade";
import { OpenLinks } from "./OpenLinks";
import classes from "./Owner.module.css";
import { useMakeLink } from "./queries";

function byConsent({ smtp, imap }: Account): boolean {
  return smtp?.auth === "oauth" || imap?.auth === "oauth";
}

/** Asks the owner of an account's mailbox to reconnect it: they need no sign-in here, and tell nobody the password. */
export function AskOwnerPage({ id }: { id: string }) {
  const { data: account } = useSuspenseQuery(accountQuery(id));
  const make = useMakeLink(id);
  return (
    <div className={connect.page}>
      <div className={classes.body}>
        <Stack gap="sm">
          <Title order={2}>Ask the mailbox's owner</Title>
          <Text>
            Make a link and send it to whoever owns <bdi>{account.address}</bdi>. They connect the mailbox by
            themselves, without signing in here,{" "}
            {byConsent(account)
              ? "by signing in at their provider."
              : "and type the password where nobody else sees it."}
          </Text>
          <Text c="dimmed">
            The address and the servers stay as they are: the link cannot change them. History and settings of
            the account stay too.
          </Text>
        </Stack>
        {make.error && (
          <Banner tone="bad" alert>
            {asApiError(make.error).message}
          </Banner>
        )}
        {make.data && <LinkMade made={make.data} />}
        <Group gap="sm">
          <Button
            onClick={() => make.mutate()}
            loading={make.isPending}
            variant={make.data ? "default" : "filled"}
          >
            {make.data ? "Make another link" : "Make link"}
          </Button>
          <ButtonLink to="/accounts/$id/reconnect" params={{ id }} variant="subtle" color="gray">
            Reconnect it yourself
          </ButtonLink>
        </Group>
        <OpenLinks accountId={id} />
      </div>
    </div>
  );
}
