import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { ServerWords } from "../../ui/ServerWords";
import { Time } from "../../ui/Time";
import { operationsQuery, useForget } from "./queries";
import classes from "./Sync.module.css";
import { asked } from "./words";

/** Changes of ours that the mail server does not have yet, and those that it refused. */
export function Refused({ accountId, canForget }: { accountId: string; canForget: boolean }) {
  const { data } = useQuery(operationsQuery(accountId));
  const forget = useForget(accountId);
  if (!data || (data.waiting === 0 && data.refused.length === 0)) return null;
  return (
    <Stack gap="sm">
      <Title order={2} size="h3">
        Changes for the mail server
      </Title>
      {data.waiting > 0 && (
        <Text size="sm" role="status">
          {counted(data.waiting, "change")} {data.waiting === 1 ? "waits" : "wait"} to be made there.
        </Text>
      )}
      {data.refused.length > 0 && (
        <>
          <Text size="sm">
            The mail server refused these. The messages are where they were before: ask for it again there, or
            ask the provider what its words mean.
          </Text>
          <ul className={classes.failed} aria-label="Changes that the mail server refused">
            {data.refused.map((each) => (
              <li key={each.id} className={classes.lost}>
                <Text fw={500}>{asked(each)}</Text>
                {each.words && <ServerWords>{each.words}</ServerWords>}
                <Text size="xs" c="dimmed">
                  Asked for <Time at={each.asked_at} />
                </Text>
              </li>
            ))}
          </ul>
          {forget.isError && (
            <Banner tone="bad" alert>
              {asApiError(forget.error).message}
            </Banner>
          )}
          {canForget && data.refused.some((each) => each.kind !== "append_sent") && (
            <Group>
              <Button variant="default" loading={forget.isPending} onClick={() => forget.mutate()}>
                Clear this list
              </Button>
            </Group>
          )}
        </>
      )}
    </Stack>
  );
}
