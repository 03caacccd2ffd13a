import { Button, Checkbox, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import {
  type Account,
  type Endpoint,
  patientHttp,
  type ReconnectRequest,
  type SideState,
  unwrap,
} from "../../api/client";
import { keys } from "../../api/keys";
import { Banner } from "../../ui/Banner";
import { ButtonLink } from "../../ui/links";
import { ServerWords } from "../../ui/ServerWords";
import { accountQuery } from "../accounts/queries";
import { reasonWords } from "../accounts/words";
import { useSession } from "../session/queries";
import classes from "./Connect.module.css";
import { ConnectForm } from "./ConnectForm";
import { againPlace, recall } from "./consent/memory";
import { OAuthReconnect } from "./consent/OAuthReconnect";
import { usableChoice, useChoices } from "./consent/queries";
import { LoginFields, ServerFields } from "./EndpointFields";
import {
  checkReconnect,
  domainOf,
  type FormOf,
  type ReconnectValues,
  reconnectValues,
  toReconnect,
} from "./form";
import { isKnown } from "./kinds";
import { OptionalPart } from "./OptionalPart";
import { useConnectForm, useUnsavedForm } from "./useConnectForm";

const KEEP = "Leave empty to keep the saved one.";
const GONE = "The saved one is gone.";
const APP_PASSWORD = "An app password of the account; there is no saved one.";

function useReconnect(id: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: ReconnectRequest) =>
      unwrap(patientHttp.POST("/accounts/{id}/reconnect", { params: { path: { id } }, body })),
    onSuccess: (account) => {
      queryClient.setQueryData(keys.account(id), account);
      return queryClient.invalidateQueries({ queryKey: keys.accountLists });
    },
  });
}

function usesOAuth({ smtp, imap }: Account): boolean {
  return smtp?.auth === "oauth" || imap?.auth === "oauth";
}

/** Reconnects an account: the address stays, what it signs in with may change. */
export function ReconnectPage({ id }: { id: string }) {
  const { data: account } = useSuspenseQuery(accountQuery(id));
  const oauth = usesOAuth(account);
  const choices = useChoices(account.provider);
  // Providers without a card share one kind: which of them it is stands in the account's grant only.
  const usable = account.provider === "custom" ? undefined : usableChoice(choices);
  const [way, setWay] = useState<"oauth" | "password">(() =>
    oauth || recall(againPlace(id)) ? "oauth" : "password",
  );
  const other = (words: string, next: "oauth" | "password") => (
    <Group>
      <Button variant="transparent" px={0} onClick={() => setWay(next)}>
        {words}
      </Button>
    </Group>
  );
  // Whose servers were entered by hand may be anybody's.
  const ofProvider = isKnown(account.provider);
  return (
    <div className={classes.page}>
      <Group justify="space-between" gap="sm" mb="md">
        <Title order={2}>Reconnect</Title>
        <ButtonLink to="/accounts/$id/ask" params={{ id }} variant="default">
          Ask the mailbox's owner
        </ButtonLink>
      </Group>
      {way === "oauth" ? (
        <OAuthReconnect
          // What is known of its provider may come after the page.
          key={choices ? "known" : "unknown"}
          account={account}
          choice={account.provider === "custom" ? undefined : (usable ?? choices?.[0])}
          known={oauth}
          other={ofProvider && other("Use an app password instead", "password")}
        >
          <Who account={account} />
        </OAuthReconnect>
      ) : (
        <ByPassword
          account={account}
          other={
            ofProvider &&
            usable &&
            other(
              oauth ? `Sign in with ${usable.label} instead` : `Switch to ${usable.label}'s sign-in`,
              "oauth",
            )
          }
        />
      )}
    </div>
  );
}

function Who({ account }: { account: Account }) {
  return (
    <>
      <Reasons account={account} />
      <TextInput
        label="Email address"
        value={account.address}
        readOnly
        variant="filled"
        description="The address, its history and its settings stay."
      />
    </>
  );
}

/** By servers and passwords. */
function ByPassword({ account, other }: { account: Account; other: ReactNode }) {
  const { id } = account;
  const navigate = useNavigate();
  const reconnect = useReconnect(id);
  const { form, ...flow } = useConnectForm({
    testPath: `/accounts/${id}/test`,
    initial: reconnectValues(account),
    check: (values: ReconnectValues) => checkReconnect(values, account),
    toBody: (values) => toReconnect(values, account),
    save: async (body) => {
      await reconnect.mutateAsync(body);
      notifications.show({ message: `${account.address} is connected again.` });
      await navigate({ to: "/accounts/$id/settings", params: { id } });
    },
  });
  useUnsavedForm(form, reconnect.isSuccess);

  return (
    <ConnectForm
      flow={flow}
      save="Reconnect"
      saving={reconnect.isPending || reconnect.isSuccess}
      cancel={
        <ButtonLink to="/accounts/$id/settings" params={{ id }} variant="subtle" color="gray">
          Cancel
        </ButtonLink>
      }
    >
      <Who account={account} />
      <Sides form={form} account={account} />
      {!reconnect.isPending && other}
    </ConnectForm>
  );
}

function Sides({ form, account }: { form: FormOf<ReconnectValues>; account: Account }) {
  const { instance } = useSession();
  const both = Boolean(account.smtp && account.imap);
  const same = both && form.getValues().same_password;
  const shared = { form, domain: domainOf(account.address), plainAllowed: instance.plain_text_allowed };
  return (
    <>
      {account.smtp && (
        <fieldset className={classes.section}>
          <legend>Outgoing (SMTP)</legend>
          <Stack>
            <ServerFields {...shared} side="smtp" />
            <LoginFields form={form} side="smtp" passwordHelp={keepWords(account.smtp, account.sending)} />
          </Stack>
        </fieldset>
      )}
      {account.imap && (
        <fieldset className={classes.section}>
          <legend>Incoming (IMAP)</legend>
          <Stack>
            <ServerFields {...shared} side="imap" />
            <LoginFields
              form={form}
              side="imap"
              passwordHelp={keepWords(account.imap, account.receiving)}
              withPassword={!same}
            />
            {both && (
              <Checkbox
                label="Same password for both servers"
                {...form.getInputProps("same_password", { type: "checkbox" })}
              />
            )}
          </Stack>
        </fieldset>
      )}
      {!account.imap && (
        <OptionalPart form={form} side="imap" domain={shared.domain} importDays={account.import_days} />
      )}
      {!account.smtp && (
        <OptionalPart
          form={form}
          side="smtp"
          domain={shared.domain}
          importDays={account.import_days}
          wish="Add sending"
        />
      )}
    </>
  );
}

function keepWords(saved: Endpoint, { reason }: SideState): string {
  if (saved.auth === "oauth") return APP_PASSWORD;
  return reason === "password_missing" ? GONE : KEEP;
}

function troubled(state: SideState): boolean {
  return state.state === "disconnected" || state.state === "reconnect_required";
}

/** Why the account has to be reconnected, for each side that is broken. */
function Reasons({ account }: { account: Account }) {
  const sides = (["receiving", "sending"] as const).filter((side) => troubled(account[side]));
  return sides.map((side) => {
    const state = account[side];
    return (
      <Banner key={side} tone={state.state === "reconnect_required" ? "warn" : "bad"}>
        <Stack gap="xs">
          <Text fw={500}>
            {side === "receiving" ? "Receiving" : "Sending"}:{" "}
            {state.reason_text ?? reasonWords(state) ?? "not connected"}
          </Text>
          {state.server_words && <ServerWords>{state.server_words}</ServerWords>}
          {state.fix && <Text size="xs">{state.fix}</Text>}
        </Stack>
      </Banner>
    );
  });
}
