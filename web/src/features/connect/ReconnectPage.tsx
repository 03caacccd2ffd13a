import { Button, Checkbox, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type Account, patientHttp, type ReconnectRequest, type SideState, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { useOneAtATime } from "../../ui/action";
import { Banner } from "../../ui/Banner";
import { ErrorSummary } from "../../ui/ErrorSummary";
import { ButtonLink } from "../../ui/links";
import { ServerWords } from "../../ui/ServerWords";
import { useUnsaved } from "../../ui/unsaved";
import { accountQuery } from "../accounts/queries";
import { reasonWords } from "../accounts/words";
import { useSession } from "../session/queries";
import classes from "./Connect.module.css";
import { LoginFields, ServerFields } from "./EndpointFields";
import {
  checkReconnect,
  domainOf,
  type FormOf,
  type ReconnectValues,
  reconnectValues,
  toReconnect,
} from "./form";
import { IncomingPart } from "./IncomingPart";
import { TestPanel } from "./TestPanel";
import { useConnectTest } from "./useConnectTest";
import { useFormTrouble } from "./useFormTrouble";

const KEEP = "Leave empty to keep the saved one.";
const GONE = "The saved one is gone.";

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

/** Reconnects an account: the address stays, servers and passwords may change. */
export function ReconnectPage({ id }: { id: string }) {
  const { data: account } = useSuspenseQuery(accountQuery(id));
  const navigate = useNavigate();
  const test = useConnectTest(`/accounts/${id}/test`);
  const reconnect = useReconnect(id);
  const form: FormOf<ReconnectValues> = useForm({
    initialValues: reconnectValues(account),
    validate: (values: ReconnectValues) => checkReconnect(values, account),
  });
  const trouble = useFormTrouble(form);
  const once = useOneAtATime();
  const testing = test.state.phase === "running";
  // Saved: the page is about to be left.
  const saving = reconnect.isPending || reconnect.isSuccess;
  useUnsaved(form.isDirty() && !reconnect.isSuccess);

  const request = (): ReconnectRequest | undefined => {
    const { hasErrors, errors } = form.validate();
    if (hasErrors) {
      trouble.local(errors);
      return undefined;
    }
    trouble.clear();
    return toReconnect(form.getValues(), account);
  };
  const testOnly = async () => {
    const body = request();
    if (body) await runTest(body);
  };
  const runTest = async (body: ReconnectRequest) => {
    const { ok, error } = await test.run(body);
    if (error) trouble.remote(error);
    return ok;
  };
  const save = async () => {
    const body = request();
    if (!body || (!test.hasPassed(body) && !(await runTest(body)))) return;
    try {
      await reconnect.mutateAsync(body);
      notifications.show({ message: `${account.address} is connected again.` });
      await navigate({ to: "/accounts/$id/settings", params: { id } });
    } catch (error) {
      test.refuse(error);
      trouble.remote(error);
    }
  };

  return (
    <div className={classes.page}>
      <Title order={2} mb="md">
        Reconnect
      </Title>
      <div className={classes.columns}>
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void once(save);
          }}
        >
          <Stack gap="lg">
            <ErrorSummary entries={trouble.entries} round={trouble.round} />
            <Reasons account={account} />
            <TextInput
              label="Email address"
              value={account.address}
              readOnly
              variant="filled"
              description="The address, its history and its settings stay."
            />
            <Sides form={form} account={account} />
            <Group justify="flex-end" gap="sm">
              <ButtonLink to="/accounts/$id/settings" params={{ id }} variant="subtle" color="gray">
                Cancel
              </ButtonLink>
              <Button
                variant="default"
                loading={testing}
                disabled={saving}
                onClick={() => void once(testOnly)}
              >
                Test connection
              </Button>
              <Button type="submit" loading={saving} disabled={testing}>
                Reconnect
              </Button>
            </Group>
          </Stack>
        </form>
        <div className={classes.aside}>
          <TestPanel state={test.state} />
        </div>
      </div>
    </div>
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
            <LoginFields form={form} side="smtp" passwordHelp={keepWords(account.sending)} />
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
              passwordHelp={keepWords(account.receiving)}
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
      {!account.imap && <IncomingPart form={form} domain={shared.domain} importDays={account.import_days} />}
    </>
  );
}

function keepWords({ reason }: SideState): string {
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
