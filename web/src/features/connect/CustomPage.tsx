import { Button, Group, Radio, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { type ConnectRequest, patientHttp, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { isolated } from "../../lib/texts";
import { useOneAtATime } from "../../ui/action";
import { ErrorSummary } from "../../ui/ErrorSummary";
import { Page, PageHeader } from "../../ui/Page";
import { useUnsaved } from "../../ui/unsaved";
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
import { IncomingPart } from "./IncomingPart";
import { TestPanel } from "./TestPanel";
import { useConnectTest } from "./useConnectTest";
import { useFormTrouble } from "./useFormTrouble";

function useConnect() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: ConnectRequest) => unwrap(patientHttp.POST("/accounts", { body })),
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
  const once = useOneAtATime();
  const testing = test.state.phase === "running";
  // Saved: the page is about to be left.
  const saving = connect.isPending || connect.isSuccess;
  useUnsaved(form.isDirty() && !connect.isSuccess);

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
  const testOnly = async () => {
    const body = request();
    if (body) await runTest(body);
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
    try {
      const account = await connect.mutateAsync(body);
      notifications.show({ message: `${account.address} is connected.` });
      await navigate({ to: "/accounts" });
    } catch (error) {
      test.refuse(error);
      trouble.remote(error);
    }
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
            void once(save);
          }}
        >
          <Stack gap="lg">
            <ErrorSummary entries={trouble.entries} round={trouble.round} />
            <Identity form={form} />
            <Outgoing form={form} />
            <IncomingPart form={form} domain={domainOf(form.getValues().address)} importDays={IMPORT_DAYS} />
            <Group justify="flex-end" gap="sm">
              <Button
                variant="default"
                loading={testing}
                disabled={saving}
                onClick={() => void once(testOnly)}
              >
                Test connection
              </Button>
              <Button type="submit" loading={saving} disabled={testing}>
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
        dir="auto"
        label="Display name"
        placeholder="Ana Diaz"
        description="Recipients see it before the address."
        autoComplete="off"
        {...form.getInputProps("display_name")}
      />
      <TextInput
        id="provider_name"
        dir="auto"
        label="Provider name"
        placeholder="Custom SMTP"
        description="Shown in the Provider column."
        autoComplete="off"
        {...form.getInputProps("provider_name")}
      />
      <Radio.Group
        label="User"
        description={`A team account belongs to everybody in ${isolated(workspace.name)}.`}
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
