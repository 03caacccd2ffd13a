import { Button, Group, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useState } from "react";
import type { Account, BeginConsent, OAuthChoice } from "../../../api/client";
import { keys } from "../../../api/keys";
import { ErrorSummary, type SummaryEntry } from "../../../ui/ErrorSummary";
import { ButtonLink } from "../../../ui/links";
import classes from "../Connect.module.css";
import { AppChoice, appOf, firstApp, SAME } from "./AppChoice";
import { ConsentPanel } from "./ConsentPanel";
import { Explained } from "./Explained";
import { againPlace } from "./memory";
import { Permissions } from "./Permissions";
import { underWay, useConsent, wayOf } from "./useConsent";

interface OAuthReconnectProps {
  account: Account;
  /** What is known of its provider; of one that only settings know it may be nothing. */
  choice: OAuthChoice | undefined;
  /** It signs in there already, by an app that is known. */
  known: boolean;
  /** Another way to reconnect. */
  other: ReactNode;
  /** Why it has to be, and for whom. */
  children: ReactNode;
}

/** Reconnects an account by signing in at its provider: as the address that it has. */
export function OAuthReconnect({ account, choice, known, other, children }: OAuthReconnectProps) {
  const { id, address } = account;
  const label = choice?.label ?? account.provider_label;
  const [app, setApp] = useState(() => (known ? SAME : firstApp(choice)));
  const [refused, setRefused] = useState<SummaryEntry[]>([]);
  const [round, setRound] = useState(0);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const consent = useConsent({
    place: againPlace(id),
    onRefused: (problem) => {
      setRefused([{ message: problem.message }]);
      setRound((now) => now + 1);
    },
    onDone: async () => {
      void queryClient.invalidateQueries({ queryKey: keys.accounts });
      notifications.show({ message: `${address} is connected again.` });
      await navigate({ to: "/accounts/$id/settings", params: { id } });
    },
  });
  const busy = underWay(consent);
  const way = wayOf(choice?.provider ?? account.provider);
  const begin = () => {
    setRefused([]);
    const named: BeginConsent = choice && app !== SAME ? appOf(choice, app) : {};
    consent.start({ ...named, account_id: id }, way);
  };
  // Where one would do, another is a way out once the app of last time is gone or refused.
  const chooses = choice !== undefined && choice.apps.length > (known && refused.length > 0 ? 0 : 1);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) begin();
  };
  return (
    <div className={classes.columns}>
      <form noValidate onSubmit={onSubmit}>
        <Stack gap="lg">
          <ErrorSummary entries={refused} round={round} />
          {children}
          <Text>
            Sign in at {label} as <strong>{address}</strong>. Another person's sign-in is not taken.
          </Text>
          {choice && chooses && (
            <fieldset disabled={busy} className={classes.inner}>
              <AppChoice choice={choice} value={app} onChange={setApp} known={known} />
            </fieldset>
          )}
          {choice && <Permissions choice={choice} />}
          <Group justify="flex-end" gap="sm">
            <ButtonLink to="/accounts/$id/settings" params={{ id }} variant="subtle" color="gray">
              Back to the account
            </ButtonLink>
            <Button type="submit" disabled={busy}>
              {known ? `Sign in with ${label} again` : `Continue with ${label}`}
            </Button>
          </Group>
          {!busy && other}
        </Stack>
      </form>
      <div className={classes.aside}>
        <ConsentPanel consent={consent} label={label} again={begin} done="The account is connected again.">
          <Explained label={label} way={way} />
        </ConsentPanel>
      </div>
    </div>
  );
}
