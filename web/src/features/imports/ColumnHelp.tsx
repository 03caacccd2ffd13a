import { Code, Text } from "@mantine/core";
import classes from "./Imports.module.css";

const COLUMNS: [name: string, words: string][] = [
  ["address", "The email address. The only column that must be there."],
  ["display_name", "What recipients see. Empty: what stands before the @."],
  ["password", "For receiving and sending, where the two columns for one side are empty."],
  ["provider", "google, yahoo, icloud, custom or imap. Empty: what the servers make it."],
  ["provider_name", "What the list shows as provider. May be empty."],
  ["imap_host", "The incoming server. Empty: it is found. none: the account does not receive."],
  ["imap_port", "Empty: 993, or 143 with starttls."],
  ["imap_encryption", "tls, starttls or none. Empty: what goes with the port."],
  ["imap_username", "Empty: what the provider wants, else the address."],
  ["imap_password", "Empty: password."],
  ["smtp_host", "The outgoing server. Empty: it is found. none: the account does not send."],
  ["smtp_port", "Empty: 587, or 465 with tls."],
  ["smtp_encryption", "tls, starttls or none. Empty: what goes with the port."],
  ["smtp_username", "Empty: what the provider wants, else the address."],
  ["smtp_password", "Empty: password."],
  ["import_days", "Days of mail to import, 1 to 3650, or 0 for everything. Empty: 30."],
  ["team", "yes: the whole team's account, which only an admin adds. Empty or no: yours."],
];

/** What the first line may name. */
export function ColumnHelp() {
  return (
    <details className={classes.fold}>
      <summary>The columns</summary>
      <Text size="xs" c="dimmed" my="sm">
        The first line names the columns, in any order. Leave out those you do not need; others are told and
        not used.
      </Text>
      <dl className={classes.columns}>
        {COLUMNS.map(([name, words]) => (
          <div key={name} className={classes.column}>
            <dt>
              <Code>{name}</Code>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
