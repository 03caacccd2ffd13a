import { Text, Title } from "@mantine/core";
import { IconServer } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { Icon } from "../../ui/Icon";
import { Page, PageHeader } from "../../ui/Page";
import classes from "./Connect.module.css";
import { Crumbs } from "./Crumbs";

/** The ways to connect an account. */
export function AddPage() {
  return (
    <Page name="Connect email">
      <Crumbs here="Connect email" />
      <PageHeader title="Connect email" />
      <Text c="dimmed" mb="lg">
        Choose where the mailbox lives.
      </Text>
      <div className={classes.cards}>
        <Link to="/accounts/add/custom" className={classes.card}>
          <Icon of={IconServer} large />
          <Title order={2}>Custom SMTP</Title>
          <Text c="dimmed">Any mail server you can log in to: SMTP to send, IMAP to receive.</Text>
        </Link>
        <section aria-labelledby="at-hand" className={classes.atHand}>
          <Title order={2} id="at-hand">
            Have at hand
          </Title>
          <ul>
            <li>The names of the outgoing and the incoming server</li>
            <li>The username, often the whole address</li>
            <li>The password, often an app password made at the provider</li>
          </ul>
        </section>
      </div>
    </Page>
  );
}
