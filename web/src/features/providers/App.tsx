import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { AppCheck, OAuthApp, OAuthProviderSettings } from "../../api/client";
import { count } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { part } from "../../ui/part";
import { ServerWords } from "../../ui/ServerWords";
import { Time } from "../../ui/Time";
import { ConsentProgress } from "../connect/consent/ConsentPanel";
import { givenBackWords } from "../connect/consent/givenBack";
import { underWay, useConsent } from "../connect/consent/useConsent";
import { type Mark, StepLine, StepList } from "../connect/StepLine";
import classes from "./Providers.module.css";
import { useCheckApp } from "./queries";

const AppDialog = part(() => import("./AppDialog"));
const RemoveDialog = part(() => import("./RemoveDialog"));

interface AppProps {
  app: OAuthApp;
  settings: OAuthProviderSettings;
}

/** An app, how it does, and what can be done with it. */
export function App({ app, settings }: AppProps) {
  const { id, name, fault } = app;
  const title = `app-${settings.provider}-${id ?? "operator"}`;
  return (
    <section aria-labelledby={title} className={classes.app}>
      <Stack>
        <Title order={3} id={title} dir="auto" className={classes.theirs}>
          {name}
        </Title>
        {!id && (
          <Text size="xs" c="dimmed">
            It belongs to this installation and serves every workspace. The operator changes it in the
            settings file.
          </Text>
        )}
        {fault && (
          <Banner tone="bad">
            <Stack gap="xs">
              <Text fw={500}>
                {settings.label} refuses this app since <Time at={fault.since} as="list" />.
              </Text>
              {fault.server_words && <ServerWords>{fault.server_words}</ServerWords>}
              <Text size="xs">
                {id
                  ? "Change what is wrong here or at the provider, then check. Its accounts go on by themselves."
                  : "Ask the operator to mend it. Its accounts go on by themselves."}
              </Text>
            </Stack>
          </Banner>
        )}
        <Facts app={app} settings={settings} />
        <Actions app={app} settings={settings} />
      </Stack>
    </section>
  );
}

function Facts({ app, settings }: AppProps) {
  return (
    <dl className={classes.facts}>
      <dt>Client ID</dt>
      <dd>{app.client_id}</dd>
      <dt>Client secret</dt>
      <dd>{app.has_secret ? "Saved" : "None"}</dd>
      {settings.has_tenant && (
        <>
          <dt>Tenant</dt>
          <dd>{app.tenant || "The usual one"}</dd>
        </>
      )}
      <dt>Accounts</dt>
      <dd className="figures">{count(app.accounts)}</dd>
    </dl>
  );
}

function Actions({ app, settings }: AppProps) {
  const { id, name } = app;
  const { provider, label } = settings;
  const [open, setOpen] = useState<"change" | "remove">();
  const check = useCheckApp(provider, id ?? null);
  const [refused, setRefused] = useState<string>();
  const consent = useConsent({
    place: `try ${provider} ${id ?? ""}`,
    onDone: () => undefined,
    onRefused: (problem) => setRefused(problem.message),
  });
  const tryIt = () => {
    setRefused(undefined);
    consent.start({ provider, app_id: id ?? null, dry_run: true }, "window");
  };
  const close = () => setOpen(undefined);
  return (
    <>
      <Group gap="sm">
        <Button variant="default" loading={check.isPending} onClick={() => check.mutate()}>
          Check
        </Button>
        <Button variant="default" onClick={tryIt} disabled={underWay(consent) && consent.phase !== "done"}>
          Try it
        </Button>
        {id && (
          <>
            <Button variant="default" onClick={() => setOpen("change")}>
              Change
            </Button>
            <Button variant="subtle" color="red" onClick={() => setOpen("remove")}>
              Remove
            </Button>
          </>
        )}
      </Group>
      <div aria-live="polite" className={classes.live}>
        {check.error && <Banner tone="bad">{asApiError(check.error).message}</Banner>}
        {check.data && <Checks items={check.data.items} name={name} />}
      </div>
      {refused && (
        <Banner tone="bad" alert>
          {refused}
        </Banner>
      )}
      {consent.phase !== "idle" && (
        <ConsentProgress
          consent={consent}
          label={label}
          again={tryIt}
          done={
            <>
              The app works: {label} let Posthouse in. Nothing was saved.{" "}
              {givenBackWords(consent.givenBack, label)}
            </>
          }
        />
      )}
      {open === "change" && (
        <AppDialog
          settings={settings}
          app={app}
          onClose={close}
          // What was seen of it before counts no more.
          onSaved={check.reset}
          onMissing={close}
        />
      )}
      {open === "remove" && <RemoveDialog app={app} label={label} onClose={close} onMissing={close} />}
    </>
  );
}

const CHECKS: Record<string, string> = {
  redirect: "Redirect URL",
  page: "Consent page",
  app: "Client ID and secret",
};
const OUTCOMES: Record<AppCheck["outcome"], { mark: Mark; word: string }> = {
  ok: { mark: "passed", word: "ok" },
  warning: { mark: "missed", word: "warning" },
  failed: { mark: "failed", word: "failed" },
};

/** What was seen of an app without a person. */
function Checks({ items, name }: { items: AppCheck[]; name: string }) {
  return (
    <section aria-label={`Checks of ${name}`}>
      <StepList>
        {items.map(({ name: what, outcome, seen, fix }) => (
          <StepLine
            key={what}
            mark={OUTCOMES[outcome].mark}
            words={`${CHECKS[what] ?? what}: ${OUTCOMES[outcome].word}`}
          >
            <Text size="xs" c="dimmed" className={classes.theirs}>
              {seen}
            </Text>
            {fix && (
              <Text size="xs">
                <strong>What to do:</strong> {fix}
              </Text>
            )}
          </StepLine>
        ))}
      </StepList>
    </section>
  );
}
