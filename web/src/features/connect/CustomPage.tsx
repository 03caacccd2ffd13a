import { Button, Checkbox, Group, Radio, Stack, Switch, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { type ConnectRequest, http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { ErrorSummary } from "../../ui/ErrorSummary";
import { Page, PageHeader } from "../../ui/Page";
import { useSession } from "../session/queries";
import classes from "./Connect.module.css";
import { Crumbs } from "./Crumbs";
import { LoginFields, ServerFields } from "./EndpointFields";
import {
  type CustomValues,
  checkCustom,
  domainOf,
  emptyCustom,
  type FormOf,
  IMPORT_DAYS,
  toRequest,
  withAddress,
} from "./form";
import { TestPanel } from "./TestPanel";
import { useConnectTest } from "./useConnectTest";
import { useFormTrouble } from "./useFormTrouble";

function useConnect() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: ConnectRequest) => unwrap(http.POST("/accounts", { body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.accounts }),
  });
}

/** Connects an account by its SMTP and IMAP servers. */
export function CustomPage() {
  const navigate = useNavigate();
  const test = useConnectTest("/accounts/test");
  const connect = useConnect();
  const form: FormOf<CustomValues> = useForm({ initialValues: emptyCustom, validate: checkCustom });
  const trouble = useFormTrouble(form);
  const panel = useRef<HTMLDivElement>(null);
  const busy = test.state.phase === "running" || connect.isPending;

  /** Checks the fields first; undefined when something is missing. */
  const request = (): ConnectRequest | undefined => {
    const { hasErrors, errors } = form.validate();
    if (hasErrors) {
      trouble.local(errors);
      return undefined;
    }
    trouble.clear();
    return toRequest(form.getValues());
  };
  const runTest = async (body: ConnectRequest) => {
    panel.current?.scrollIntoView?.({ block: "nearest" });
    const { ok, error } = await test.run(body);
    if (error) trouble.remote(error);
    return ok;
  };
  const save = async () => {
    const body = request();
    if (!body || (!test.hasPassed(body) && !(await runTest(body)))) return;
    connect.mutate(body, {
      onSuccess: (account) => {
        notifications.show({ message: `${account.address} is connected.` });
        void navigate({ to: "/accounts" });
      },
      onError: (error) => {
        test.refuse(error);
        trouble.remote(error);
      },
    });
  };

  return (
    <Page name="Connect email">
      <Crumbs here="Custom SMTP" add />
      <PageHeader title="Connect a custom server" />
      <div className={classes.columns}>
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            if (!busy) void save();
          }}
        >
          <Stack gap="lg">
            <ErrorSummary entries={trouble.entries} round={trouble.round} />
            <Identity form={form} />
            <Outgoing form={form} />
            <Incoming form={form} />
            <Group justify="flex-end" gap="sm">
              <Button
                variant="default"
                loading={test.state.phase === "running"}
                disabled={connect.isPending}
                onClick={() => {
                  const body = request();
                  if (body) void runTest(body);
                }}
              >
                Test connection
              </Button>
              <Button type="submit" loading={connect.isPending} disabled={test.state.phase === "running"}>
                Save account
              </Button>
            </Group>
          </Stack>
        </form>
        <div className={classes.aside} ref={panel}>
          <TestPanel state={test.state} />
        </div>
      </div>
    </Page>
  );
}

type Part = { form: FormOf<CustomValues> };

function Identity({ form }: Part) {
  const { workspace } = useSession();
  return (
    <Stack>
      <TextInput
        id="address"
        label="Email address"
        type="email"
        autoComplete="off"
        autoFocus
        placeholder="ana@acme.test"
        {...form.getInputProps("address")}
        onChange={(event) => {
          form.setValues(withAddress(form.getValues(), event.currentTarget.value));
          form.clearFieldError("address");
        }}
      />
      <TextInput
        id="display_name"
        label="Display name"
        placeholder="Ana Diaz"
        description="Recipients see it before the address."
        autoComplete="off"
        {...form.getInputProps("display_name")}
      />
      <TextInput
        id="provider_name"
        label="Provider name"
        placeholder="Custom SMTP"
        description="Shown in the Provider column."
        autoComplete="off"
        {...form.getInputProps("provider_name")}
      />
      <Radio.Group
        label="User"
        description={`A team account belongs to everybody in ${workspace.name}.`}
        {...form.getInputProps("owner")}
      >
        <Group gap="lg" my="xs">
          <Radio value="me" label="Me" />
          <Radio value="team" label="Team" />
        </Group>
      </Radio.Group>
    </Stack>
  );
}

function Outgoing({ form }: Part) {
  const { instance } = useSession();
  return (
    <fieldset className={classes.section}>
      <legend>Outgoing (SMTP)</legend>
      <Stack>
        <ServerFields
          form={form}
          side="smtp"
          domain={domainOf(form.getValues().address)}
          plainAllowed={instance.plain_text_allowed}
        />
        <LoginFields form={form} side="smtp" passwordHelp="Often an app password." />
      </Stack>
    </fieldset>
  );
}

function Incoming({ form }: Part) {
  const { instance } = useSession();
  const { receive, same_login, address } = form.getValues();
  return (
    <fieldset className={classes.section}>
      <legend>Incoming (IMAP)</legend>
      <Stack>
        <Switch
          label="Receive mail with this account"
          description={
            receive
              ? `Imports the last ${IMPORT_DAYS} days of mail, then follows the mailbox live.`
              : "Off: the account only sends. Answers are not shown here."
          }
          {...form.getInputProps("receive", { type: "checkbox" })}
        />
        {receive && (
          <>
            <ServerFields
              form={form}
              side="imap"
              domain={domainOf(address)}
              plainAllowed={instance.plain_text_allowed}
            />
            <Checkbox
              label="Same login as the outgoing server"
              {...form.getInputProps("same_login", { type: "checkbox" })}
            />
            {!same_login && <LoginFields form={form} side="imap" />}
          </>
        )}
      </Stack>
    </fieldset>
  );
}
