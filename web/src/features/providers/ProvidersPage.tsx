import { Button, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconExternalLink, IconLock, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { OAuthProviderSettings } from "../../api/client";
import { Icon } from "../../ui/Icon";
import { LoadFailed, Notice } from "../../ui/Notice";
import { Page, PageHeader } from "../../ui/Page";
import { part } from "../../ui/part";
import { NoteList } from "../connect/NoteList";
import { useAdmin } from "../session/queries";
import { App } from "./App";
import { CopyLine } from "./CopyLine";
import classes from "./Providers.module.css";
import { oauthProvidersQuery } from "./queries";

const AppDialog = part(() => import("./AppDialog"));

/** Settings, Providers: what to register at Google, Microsoft and others, and the apps that there are. */
export function ProvidersPage() {
  const admin = useAdmin();
  return (
    <Page name="Providers">
      <PageHeader title="Providers" />
      {admin ? (
        <Providers />
      ) : (
        <Notice icon={IconLock} title="Providers are for admins">
          An admin or the owner of your workspace registers the apps by which people sign in with Google,
          Microsoft and others.
        </Notice>
      )}
    </Page>
  );
}

function Providers() {
  const { data, error, refetch } = useQuery(oauthProvidersQuery);
  if (error && !data) return <LoadFailed what="The providers" error={error} retry={() => void refetch()} />;
  return (
    <>
      <Text c="dimmed" mb="lg" className={classes.intro}>
        To sign in with a provider instead of a password, your team needs an app that is registered there,
        once. Its client ID and secret stand here; nobody is shown the secret again.
      </Text>
      <Stack gap="xl" aria-busy={!data}>
        {data
          ? data.items.map((each) => <Provider key={each.provider} settings={each} />)
          : ["a", "b", "c"].map((key) => <Skeleton key={key} h="10rem" />)}
      </Stack>
    </>
  );
}

function Provider({ settings }: { settings: OAuthProviderSettings }) {
  const { provider, label, apps } = settings;
  const [adding, setAdding] = useState(false);
  const title = `provider-${provider}`;
  return (
    <Paper p="lg" component="section" aria-labelledby={title} className={classes.provider}>
      <Stack gap="lg">
        <Group justify="space-between" gap="sm">
          <Title order={2} id={title}>
            {label}
          </Title>
          <Button
            variant="default"
            leftSection={<Icon of={IconPlus} />}
            onClick={() => setAdding(true)}
            aria-label={`Add an app of ${label}`}
          >
            Add app
          </Button>
        </Group>
        {apps.length === 0 && (
          <Text c="dimmed">No app is registered: people cannot sign in with {label} yet.</Text>
        )}
        {apps.map((app) => (
          <App key={app.id ?? "operator"} app={app} settings={settings} />
        ))}
        <Register settings={settings} />
      </Stack>
      {adding && (
        <AppDialog settings={settings} onClose={() => setAdding(false)} onMissing={() => setAdding(false)} />
      )}
    </Paper>
  );
}

/** What to do at the provider; open while there is no app. */
function Register({ settings }: { settings: OAuthProviderSettings }) {
  const { label, redirect_url, scopes, console: page, steps, apps } = settings;
  return (
    <details open={apps.length === 0}>
      <summary className={classes.summary}>How to register an app at {label}</summary>
      <Stack mt="md">
        <dl className={classes.facts}>
          <dt>Redirect URL</dt>
          <dd>
            <CopyLine text={redirect_url} what={`the redirect URL for ${label}`} />
          </dd>
          <dt>Scopes</dt>
          <dd>
            <CopyLine text={scopes.join(" ")} what={`the scopes for ${label}`} />
          </dd>
        </dl>
        {steps.length > 0 && <NoteList notes={steps} />}
        {page && (
          <div>
            <Button
              component="a"
              href={page}
              target="_blank"
              rel="noopener noreferrer"
              variant="default"
              rightSection={<Icon of={IconExternalLink} />}
            >
              Open {label}'s console
            </Button>
          </div>
        )}
      </Stack>
    </details>
  );
}
