import { Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconLinkOff, IconLogout, IconPlugConnected } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { ConsentFlow } from "../../../api/client";
import { isGone } from "../../../lib/problem";
import { Banner } from "../../../ui/Banner";
import { ButtonLink } from "../../../ui/links";
import { LoadFailed, Notice } from "../../../ui/Notice";
import { BarePage } from "../../../ui/Page";
import { useLive } from "../../frame/live";
import { kindFrom } from "../kinds";
import { browser, inWindow } from "./browser";
import { givenBackWords } from "./givenBack";
import { forget } from "./memory";
import { ended, flowQuery, useProviderLabel } from "./queries";
import { Trouble } from "./Trouble";

/** Where a provider sends people back to: what became of their sign-in, and the way on. */
export function ReturnPage({ id, out }: { id: string | undefined; out: string | undefined }) {
  return (
    <BarePage name="Sign-in at a provider">
      {out ? <SignedOut id={out} /> : id ? <Returned id={id} /> : <Unknown />}
    </BarePage>
  );
}

/** Nobody is signed in here any more, so nothing was done with what the provider gave. */
function SignedOut({ id }: { id: string }) {
  const [own] = useState(() => inWindow(id));
  if (own) {
    return (
      <Notice page icon={IconLogout} title="You are signed out">
        Sign in in the other tab and begin again. You can close this window.
      </Notice>
    );
  }
  return (
    <Notice
      page
      icon={IconLogout}
      title="You are signed out"
      action={
        <ButtonLink to="/sign-in" search={{ next: "/accounts/add" }}>
          Sign in
        </ButtonLink>
      }
    >
      Sign in and begin again. Nothing was saved.
    </Notice>
  );
}

function Unknown() {
  return (
    <Notice
      page
      icon={IconLinkOff}
      title="This sign-in is not known here or was used already"
      action={<ButtonLink to="/accounts/add">Begin again</ButtonLink>}
    >
      It may have been begun in another browser, by somebody else, or longer than ten minutes ago. Nothing was
      changed.
    </Notice>
  );
}

function Returned({ id }: { id: string }) {
  useLive();
  const flow = useQuery(flowQuery(id));
  const [own] = useState(() => inWindow(id));
  const label = useProviderLabel(flow.data?.provider);
  const over = ended(flow.data) || isGone(flow.error);
  useEffect(() => {
    if (over) forget(id);
    // The page that opened this window tells the rest.
    if (own && over) browser.close();
  }, [id, own, over]);

  if (isGone(flow.error)) return <Unknown />;
  if (!flow.data) {
    if (flow.error)
      return <LoadFailed what="The sign-in" error={flow.error} retry={() => void flow.refetch()} />;
    return <Going words="Checking the sign-in…" />;
  }
  if (flow.data.state === "waiting") return <Going words={`Waiting for ${label}…`} />;
  if (flow.data.state === "working") return <Going words="Checking the mailbox…" />;
  if (flow.data.state === "failed") return <Failed flow={flow.data} own={own} label={label} />;
  if (own) return <Closing />;
  return flow.data.dry_run ? <Tried label={label} flow={flow.data} /> : <Connected flow={flow.data} />;
}

function Going({ words }: { words: string }) {
  return (
    <div role="status">
      <Title order={1} size="h2" mb="md">
        {words}
      </Title>
      <Skeleton h="0.25rem" />
    </div>
  );
}

/** Some browsers let no page close its window. */
function Closing() {
  return (
    <Notice page icon={IconPlugConnected} title="You can close this window">
      The page that opened it goes on by itself.
    </Notice>
  );
}

function Connected({ flow: { account_id: id, address, adds } }: { flow: ConsentFlow }) {
  const navigate = useNavigate();
  useEffect(() => {
    notifications.show({ id: "connected", message: `${address} is connected.` });
    const to = adds ? "/accounts/$id/start" : "/accounts/$id/mail";
    if (id) void navigate({ to, params: { id }, replace: true });
    else void navigate({ to: "/accounts", replace: true });
  }, [id, address, adds, navigate]);
  return <Going words={`${address} is connected`} />;
}

/** Nothing but a try. */
function Tried({ label, flow }: { label: string; flow: ConsentFlow }) {
  return (
    <Notice
      page
      icon={IconPlugConnected}
      title="The app works"
      action={<ButtonLink to="/settings/providers">Back to the providers</ButtonLink>}
    >
      {label} let Posthouse in. Nothing was saved. {givenBackWords(flow.given_back, label)}
    </Notice>
  );
}

function Failed({ flow, own, label }: { flow: ConsentFlow; own: boolean; label: string }) {
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">
        {flow.dry_run ? "The try did not work" : `${flow.address} is not connected`}
      </Title>
      <Trouble
        problem={flow.problem ?? { code: "internal", text: `${label} said no more.`, fix: "Begin again." }}
      />
      {own ? (
        <Banner tone="idle">You can close this window. The page that opened it says the same.</Banner>
      ) : (
        <Group>
          {!flow.problem?.account_id && <TryAgain flow={flow} />}
          {!flow.dry_run && (
            <ButtonLink to="/accounts" variant="default">
              Back to Accounts
            </ButtonLink>
          )}
        </Group>
      )}
      <Text size="xs" c="dimmed">
        Nothing was saved. {givenBackWords(flow.given_back, label)}
      </Text>
    </Stack>
  );
}

function TryAgain({ flow: { dry_run, account_id: id, provider, address } }: { flow: ConsentFlow }) {
  if (dry_run) return <ButtonLink to="/settings/providers">Back to the providers</ButtonLink>;
  if (id) {
    return (
      <ButtonLink to="/accounts/$id/reconnect" params={{ id }}>
        Try again
      </ButtonLink>
    );
  }
  const kind = kindFrom(provider);
  if (!kind) return <ButtonLink to="/accounts/add">Try again</ButtonLink>;
  return (
    <ButtonLink to="/accounts/add/$kind" params={{ kind }} state={{ begun: { address } }}>
      Try again
    </ButtonLink>
  );
}
