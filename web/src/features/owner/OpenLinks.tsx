import { Button, Skeleton, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import type { OwnerLink } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { LoadFailed } from "../../ui/Notice";
import { Time } from "../../ui/Time";
import classes from "./Owner.module.css";
import { openLinksQuery, useRevoke } from "./queries";

/** The links that nobody used yet, each to be revoked. */
export function OpenLinks({ accountId }: { accountId?: string }) {
  const { data, error, refetch } = useQuery(openLinksQuery(accountId));
  if (error && !data) return <LoadFailed what="The open links" error={error} retry={() => void refetch()} />;
  if (data?.items.length === 0) return null;
  return (
    <section aria-labelledby="open-links">
      <Title order={2} id="open-links" mb="sm">
        Links that nobody used yet
      </Title>
      {data ? (
        <ul className={classes.links}>
          {data.items.map((link) => (
            <OpenLink key={link.id} link={link} />
          ))}
        </ul>
      ) : (
        <Skeleton h="3rem" />
      )}
    </section>
  );
}

function OpenLink({ link }: { link: OwnerLink }) {
  const revoke = useRevoke();
  const onRevoke = () =>
    revoke.mutate(link.id, {
      onSuccess: () => notifications.show({ message: `The link for ${link.address} is revoked.` }),
      onError: (error) =>
        notifications.show({ color: "red", title: "Not revoked", message: asApiError(error).message }),
    });
  return (
    <li className={classes.link}>
      <Stack gap={0} className={classes.linkBody}>
        <Text fw={500} className={classes.wrapping}>
          {link.address}
        </Text>
        <Text size="xs" c="dimmed">
          Made by <bdi>{link.made_by}</bdi> <Time at={link.created_at} />
          {!link.used_up && (
            <>
              , ends <Time at={link.expires_at} as="due" />
            </>
          )}
        </Text>
        {link.used_up && <Text size="sm">Used up: make a new one</Text>}
      </Stack>
      <Button
        variant="default"
        loading={revoke.isPending}
        onClick={onRevoke}
        aria-label={`Revoke the link for ${link.address}`}
      >
        Revoke
      </Button>
    </li>
  );
}
