import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { ServerWords } from "../../ui/ServerWords";
import { Time } from "../../ui/Time";
import { operationsQuery, useForget, useRepeat } from "./queries";
import classes from "./Sync.module.css";
import { asked, named } from "./words";

/** Changes of ours that the mail server does not have yet, and those that it refused. */
export function Refused({ accountId, canChange }: { accountId: string; canChange: boolean }) {
  const { data } = useQuery(operationsQuery(accountId));
  const forget = useForget(accountId);
  const repeat = useRepeat(accountId);
  const error = forget.error ?? repeat.error;
  const again = (operation: string) =>
    repeat.mutate(operation, {
      onSuccess: ({ changed }) =>
        notifications.show({
          message:
            changed > 0
              ? `Asked for again: ${counted(changed, "message")}.`
              : "Nothing is left to do: the messages are gone, or as they should be.",
        }),
    });
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
            The mail server refused these. The messages are as they were before: do it again once the reason
            is gone, or ask the provider what its words mean.
          </Text>
          <ul className={classes.failed} aria-label="Changes that the mail server refused">
            {data.refused.map((each) => (
              <li key={each.id} className={classes.lost}>
                <Text fw={500}>{asked(each)}</Text>
                {each.subjects.length > 0 && <Text size="sm">{named(each)}</Text>}
                {each.words && <ServerWords>{each.words}</ServerWords>}
                <Text size="xs" c="dimmed">
                  Asked for <Time at={each.asked_at} />
                </Text>
                {canChange && each.can_repeat && (
                  <Button
                    size="xs"
                    mt="xs"
                    variant="default"
                    loading={repeat.isPending && repeat.variables === each.id}
                    onClick={() => again(each.id)}
                    aria-label={`Do it again: ${asked(each)}`}
                  >
                    Do it again
                  </Button>
                )}
              </li>
            ))}
          </ul>
          {error && (
            <Banner tone="bad" alert>
              {asApiError(error).message}
            </Banner>
          )}
          {canChange && data.refused.some((each) => each.kind !== "append_sent") && (
            <Group>
              <Button size="xs" variant="subtle" loading={forget.isPending} onClick={() => forget.mutate()}>
                Clear this list
              </Button>
            </Group>
          )}
        </>
      )}
    </Stack>
  );
}
