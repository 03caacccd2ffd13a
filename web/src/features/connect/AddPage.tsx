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
          <Text c="dimmed">
            Any mail server you can log in to: SMTP to send, IMAP to receive. You need the servers' names and
            a password.
          </Text>
        </Link>
      </div>
    </Page>
  );
}
