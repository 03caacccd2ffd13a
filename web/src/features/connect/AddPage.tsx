import { Skeleton, Text, Title } from "@mantine/core";
import {
  IconBrandGmail,
  IconBrandWindows,
  IconBrandYahoo,
  IconCloud,
  IconInbox,
  IconServer,
  type Icon as TablerIcon,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ProviderKind } from "../../api/client";
import { Icon } from "../../ui/Icon";
import { AnchorLink } from "../../ui/links";
import { LoadFailed } from "../../ui/Notice";
import { Page, PageHeader } from "../../ui/Page";
import classes from "./Connect.module.css";
import { Crumbs } from "./Crumbs";
import { usableChoice } from "./consent/queries";
import { FindServers } from "./FindServers";
import { providersQuery } from "./queries";

/** The ways to connect an account. */
export function AddPage() {
  return (
    <Page name="Connect email">
      <Crumbs here="Connect email" />
      <PageHeader title="Connect email" />
      <FindServers />
      <section aria-labelledby="providers-title" className={classes.providers}>
        <Title order={2} id="providers-title" mb="md">
          Or choose where the mailbox lives
        </Title>
        <Cards />
      </section>
      <Text mt="xl">
        Somebody else has the password?{" "}
        <AnchorLink to="/accounts/add/owner" underline="always">
          Let the owner connect it
        </AnchorLink>{" "}
        by a link, without signing in here.
      </Text>
      <Text mt="sm">
        More than a few?{" "}
        <AnchorLink to="/accounts/add/many" underline="always">
          Connect many from a CSV
        </AnchorLink>
        , up to 1,000 at once.
      </Text>
    </Page>
  );
}

interface CardWords {
  icon: TablerIcon;
  words: string;
  /** Instead, where people can sign in at the provider. */
  oauth?: string;
}

const CARDS: Record<ProviderKind, CardWords> = {
  google: {
    icon: IconBrandGmail,
    words: "Gmail and Google Workspace, with an app password.",
    oauth: "Gmail and Google Workspace, by signing in with Google.",
  },
  microsoft: {
    icon: IconBrandWindows,
    words: "Outlook.com and Microsoft 365. Needs an OAuth app of your team.",
    oauth: "Outlook.com and Microsoft 365, by signing in with Microsoft.",
  },
  yahoo: {
    icon: IconBrandYahoo,
    words: "Yahoo Mail, with an app password.",
    oauth: "Yahoo Mail, by signing in with Yahoo.",
  },
  icloud: { icon: IconCloud, words: "iCloud Mail, with an app-specific password." },
  custom: {
    icon: IconServer,
    words: "Any mail server you can log in to: SMTP to send, IMAP to receive.",
  },
  imap: { icon: IconInbox, words: "A mailbox to read by IMAP. Sending can be left out." },
};

function Cards() {
  const { data, error, refetch } = useQuery(providersQuery);
  if (error && !data) return <LoadFailed what="The providers" error={error} retry={() => void refetch()} />;
  return (
    <div className={classes.cards} aria-busy={!data}>
      {data
        ? data.items.map(({ kind, label, oauth }) => (
            <Link key={kind} to="/accounts/add/$kind" params={{ kind }} className={classes.card}>
              <Icon of={CARDS[kind].icon} large />
              <Title order={3} size="h2">
                {label}
              </Title>
              <Text c="dimmed">{(usableChoice(oauth) && CARDS[kind].oauth) ?? CARDS[kind].words}</Text>
            </Link>
          ))
        : Object.keys(CARDS).map((kind) => <Skeleton key={kind} h="8rem" />)}
    </div>
  );
}
