import { Button, Checkbox, Paper, Stack, Text, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Found, FoundServer } from "../../api/client";
import { Banner } from "../../ui/Banner";
import classes from "./Connect.module.css";
import { usableChoice, useChoices } from "./consent/queries";
import { domainOf } from "./form";
import { NoteList } from "./NoteList";

interface FindingProps {
  found: Found;
  address: string;
  /** The one to go on with. */
  best?: boolean;
}

function hostsOf({ imap, smtp }: Found): string {
  const hosts = [imap?.host, smtp?.host].filter((host) => host !== undefined);
  return [...new Set(hosts)].join(", ");
}

/** Servers that may be those of the address, and the way on with them. */
export function Finding({ found, address, best = false }: FindingProps) {
  const { provider, doubt } = found;
  return (
    <Paper p="lg" className={classes.places}>
      <Stack>
        <div>
          <Title order={best ? 3 : 4} size="h2" className={classes.wrapping}>
            {provider ?? `Mail servers of ${domainOf(address)}`}
          </Title>
          <Text size="xs" c="dimmed" className={classes.wrapping}>
            {found.source}
          </Text>
        </div>
        <dl className={classes.facts}>
          <Server title="Receiving" found={found.imap} />
          <Server title="Sending" found={found.smtp} />
        </dl>
        <First found={found} />
        {doubt && <Banner tone="warn">{doubt}</Banner>}
        <GoOn found={found} address={address} best={best} />
      </Stack>
    </Paper>
  );
}

/** What comes before a password; where people sign in at the provider, that is all there is to do. */
function First({ found: { kind, notes } }: { found: Found }) {
  const choice = usableChoice(useChoices(kind));
  if (choice) return <Text>On the next page you sign in with {choice.label}.</Text>;
  if (notes.length === 0) return null;
  return (
    <div>
      <Text fw={500} mb="xs">
        What to do first
      </Text>
      <NoteList notes={notes} />
    </div>
  );
}

function Server({ title, found }: { title: string; found: FoundServer | null | undefined }) {
  if (!found) {
    return (
      <>
        <dt>{title}</dt>
        <dd>
          <Text span c="dimmed">
            No server was found.
          </Text>
        </dd>
      </>
    );
  }
  const { host, port, encryption, usernames, answered } = found;
  return (
    <>
      <dt>{title}</dt>
      <dd>
        {host}, port {port}, {encryption === "tls" ? "TLS" : "STARTTLS"}
        <Text size="xs" c="dimmed">
          Username {usernames[0] ?? "not known"}.{answered === true && " It answered just now."}
          {answered === false && " It did not answer just now."}
        </Text>
      </dd>
    </>
  );
}

/** On to the form. Where there is a doubt, a person says first whose servers these are. */
function GoOn({ found, address, best }: FindingProps) {
  const navigate = useNavigate();
  const [agreed, setAgreed] = useState(false);
  const state = { begun: { address, found } };
  return (
    <Stack align="flex-start">
      {found.doubt && (
        <Checkbox
          checked={agreed}
          onChange={(event) => setAgreed(event.currentTarget.checked)}
          label={`These are my provider's servers: ${hostsOf(found)}`}
          classNames={{ label: classes.wrapping ?? "" }}
        />
      )}
      <Button
        variant={best ? "filled" : "default"}
        disabled={Boolean(found.doubt) && !agreed}
        onClick={() => void navigate({ to: "/accounts/add/$kind", params: { kind: found.kind }, state })}
      >
        Continue
      </Button>
    </Stack>
  );
}
