import { Button, Group, List, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { OwnerLinkPage } from "../../api/client";
import { ApiError, asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Mark } from "../../ui/Brand";
import { BarePage } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { ByConsent, Returned } from "./ByConsent";
import { ByPassword } from "./ByPassword";
import { Connected } from "./Connected";
import classes from "./Owner.module.css";
import { lookQuery } from "./queries";
import { kept } from "./token";
import { rights } from "./words";

function Frame({ title, children }: { title: ReactNode; children: ReactNode }) {
  return (
    <BarePage name="Connect your mailbox">
      <Stack gap="lg">
        <Group gap="sm" wrap="nowrap" align="flex-start">
          <Mark />
          <Title order={1} className={classes.wrapping}>
            {title}
          </Title>
        </Group>
        {children}
      </Stack>
    </BarePage>
  );
}

/** Where the owner of a mailbox connects it, by a link, signed out. `flow`: they come back from their provider. */
export function ConnectPage({ token, flow }: { token: string | undefined; flow: string | undefined }) {
  const [back, setBack] = useState(() => {
    const before = flow ? kept() : undefined;
    return flow && before ? { flow, before } : undefined;
  });
  const [begun] = useState(() => token ?? back?.before.token);
  if (!begun) {
    return (
      <Frame title="Connect your mailbox">
        <Banner tone="warn">
          This address is not complete. Open the whole link that was sent to you. If you came back from your
          provider in another window, go on in the one where you began.
        </Banner>
      </Frame>
    );
  }
  return back ? (
    <Frame title="Connect your mailbox">
      <Returned kept={back.before} flow={back.flow} onAgain={() => setBack(undefined)} />
    </Frame>
  ) : (
    <Look token={begun} />
  );
}

function Look({ token }: { token: string }) {
  const { data, error, refetch } = useQuery(lookQuery(token));
  if (data) return <Asked token={token} link={data} />;
  return (
    <Frame title="Connect your mailbox">
      {error ? <NotThere error={error} retry={() => void refetch()} /> : <Skeleton h="12rem" />}
    </Frame>
  );
}

function NotThere({ error, retry }: { error: unknown; retry: () => void }) {
  const problem = asApiError(error);
  const over = error instanceof ApiError && (problem.status === 410 || problem.status === 404);
  const done = problem.code === "link_used" || problem.code === "link_taken";
  return (
    <Stack>
      <Banner tone={done ? "ok" : "warn"} alert>
        {problem.message}
      </Banner>
      {!over && (
        <Button variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </Stack>
  );
}

/** Who asks for what, before anything is typed. */
function Asked({ token, link }: { token: string; link: OwnerLinkPage }) {
  const [done, setDone] = useState(false);
  if (done) {
    return (
      <Frame title="Connect your mailbox">
        <Connected address={link.address} rights={rights(link)} consent={undefined} />
      </Frame>
    );
  }
  return (
    <Frame title={link.again ? "Connect your mailbox again" : "Connect your mailbox"}>
      <Paper p="xl">
        <Stack gap="lg">
          <Stack gap="xs">
            <Text>
              <strong>
                <bdi>{link.inviter}</bdi>
              </strong>{" "}
              ({link.inviter_email}) asks you to connect this mailbox to the workspace{" "}
              <strong>
                <bdi>{link.workspace}</bdi>
              </strong>
              {link.again && ", where it was connected before"}:
            </Text>
            <Text fw={600} size="lg" className={classes.wrapping}>
              {link.address}
            </Text>
          </Stack>
          <section aria-labelledby="rights">
            <Title order={2} id="rights" mb="sm">
              What they can do then
            </Title>
            <List spacing="xs">
              {rights(link).map((each) => (
                <List.Item key={each}>{each}</List.Item>
              ))}
            </List>
          </section>
          {link.consent ? (
            <ByConsent token={token} link={link} consent={link.consent} />
          ) : (
            <ByPassword token={token} link={link} onDone={() => setDone(true)} />
          )}
          <Text size="xs" c="dimmed">
            If you do not know who asks, close this page: nothing happens then. The link ends{" "}
            <Time at={link.expires_at} as="due" />.
          </Text>
        </Stack>
      </Paper>
    </Frame>
  );
}
