import { Button, List, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { http, type OwnerLinkPage, unwrap } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { useAction } from "../../ui/action";
import { Banner } from "../../ui/Banner";
import { ServerWords } from "../../ui/ServerWords";
import { Connected } from "./Connected";
import { flowQuery } from "./queries";
import { type Kept, keep } from "./token";
import { rights } from "./words";

/** Sends the owner to their provider, and tells before what is asked there. */
export function ByConsent(props: {
  token: string;
  link: OwnerLinkPage;
  consent: NonNullable<OwnerLinkPage["consent"]>;
}) {
  const { token, link, consent } = props;
  const begin = useAction({
    mutationFn: () => unwrap(http.POST("/owner-links/consent", { body: { token } })),
    onSuccess: ({ url }) => {
      keep({ token, label: consent.label, address: link.address, rights: rights(link) });
      window.location.assign(url);
    },
  });
  return (
    <Stack gap="lg">
      <section aria-labelledby="permissions">
        <Title order={2} id="permissions" mb="sm">
          What {consent.label} asks you to allow
        </Title>
        <List spacing="xs">
          {consent.permissions.map((each) => (
            <List.Item key={each}>{each}</List.Item>
          ))}
        </List>
        <Text size="xs" c="dimmed" mt="sm">
          Leave every box ticked there. Posthouse never sees your password.
        </Text>
      </section>
      {begin.error && (
        <Banner tone="bad" alert>
          {asApiError(begin.error).message}
        </Banner>
      )}
      <Button onClick={() => begin.mutate()} loading={begin.isPending || begin.isSuccess} fullWidth>
        Sign in at {consent.label}
      </Button>
    </Stack>
  );
}

/** What became of it, after the provider sent the owner back. */
export function Returned({ kept, flow, onAgain }: { kept: Kept; flow: string; onAgain: () => void }) {
  const { token, label, address, rights: given } = kept;
  const { data, error, refetch } = useQuery(flowQuery(token, flow));
  if (data?.state === "done") return <Connected address={address} rights={given} consent={label} />;
  const again = (
    <Button variant="default" onClick={onAgain}>
      Begin again
    </Button>
  );
  if (data?.state === "failed") {
    const { code, step, server_words } = data.problem ?? {};
    // Of somebody else's sign-in the mailbox's refusal is only how it was noticed.
    const words = code === "wrong_identity" && step ? undefined : server_words;
    return (
      <Stack>
        <Banner tone="bad" alert>
          <Stack gap="xs">
            <Text fw={500}>{data.problem?.text ?? "Your mailbox is not connected."}</Text>
            {words && <ServerWords>{words}</ServerWords>}
            {data.problem?.fix && <Text size="xs">{data.problem.fix}</Text>}
          </Stack>
        </Banner>
        {again}
      </Stack>
    );
  }
  if (error) {
    return (
      <Stack>
        <Banner tone="bad" alert>
          {asApiError(error).message}
        </Banner>
        <Button variant="default" onClick={() => void refetch()}>
          Look again
        </Button>
        {again}
      </Stack>
    );
  }
  return (
    <Stack role="status">
      <Text>Checking that your mailbox can be read and sent from. This takes some seconds.</Text>
      <Skeleton h="0.5rem" />
    </Stack>
  );
}
