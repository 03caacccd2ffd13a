import { Button, Group, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useState } from "react";
import type { BeginConsent, OAuthChoice } from "../../../api/client";
import { keys } from "../../../api/keys";
import { ErrorSummary } from "../../../ui/ErrorSummary";
import { useUnsaved } from "../../../ui/unsaved";
import classes from "../Connect.module.css";
import { checkIdentity, type FormOf, IMPORT_DAYS, type NewValues } from "../form";
import { Identity } from "../Identity";
import { useFormTrouble } from "../useFormTrouble";
import { AppChoice, appOf, firstApp, keyOf } from "./AppChoice";
import { ConsentPanel } from "./ConsentPanel";
import { Explained } from "./Explained";
import { newPlace, recall } from "./memory";
import { Permissions } from "./Permissions";
import { underWay, useConsent, wayOf } from "./useConsent";

interface OAuthFormProps {
  choice: OAuthChoice;
  initial: NewValues;
  /** Another way to connect, with what was typed so far. */
  other?: (values: NewValues) => ReactNode;
}

/** The form as it was when it began. */
function withBody(values: NewValues, { address, display_name, team }: BeginConsent): NewValues {
  return {
    ...values,
    address: address ?? "",
    display_name: display_name ?? "",
    owner: team ? "team" : "me",
  };
}

/** Connects a new account by signing in at its provider. */
export function OAuthForm({ choice, initial, other }: OAuthFormProps) {
  const place = newPlace(choice.provider);
  const [before] = useState(() => recall(place)?.body);
  const initialValues = before ? withBody(initial, before) : initial;
  const form: FormOf<NewValues> = useForm({ initialValues, validate: checkIdentity });
  const [app, setApp] = useState(() => (before ? keyOf(before.app_id) : firstApp(choice)));
  const trouble = useFormTrouble(form);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const consent = useConsent({
    place,
    onRefused: trouble.remote,
    onDone: async ({ address, account_id: id }) => {
      void queryClient.invalidateQueries({ queryKey: keys.accounts });
      notifications.show({ message: `${address} is connected.` });
      if (id) await navigate({ to: "/accounts/$id/start", params: { id } });
      else await navigate({ to: "/accounts" });
    },
  });
  const busy = underWay(consent);
  useUnsaved(form.isDirty() && !busy);

  const begin = () => {
    trouble.clear();
    const { hasErrors, errors } = form.validate();
    if (hasErrors) return trouble.local(errors);
    const { address, display_name, owner } = form.getValues();
    consent.start(
      {
        ...appOf(choice, app),
        address: address.trim(),
        display_name: display_name.trim(),
        team: owner === "team",
        import_days: IMPORT_DAYS,
      },
      wayOf(choice.provider),
    );
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) begin();
  };
  return (
    <div className={classes.columns}>
      <form noValidate onSubmit={onSubmit}>
        <Stack gap="lg">
          <ErrorSummary entries={trouble.entries} round={trouble.round} />
          {/* What is under way has its own address and name. */}
          <fieldset disabled={busy} className={classes.inner}>
            <Stack gap="lg">
              <Identity form={form} />
              <AppChoice choice={choice} value={app} onChange={setApp} />
            </Stack>
          </fieldset>
          <Permissions choice={choice} />
          <Group justify="flex-end" gap="sm">
            <Button type="submit" disabled={busy}>
              Continue with {choice.label}
            </Button>
          </Group>
          {other && !busy && other(form.getValues())}
        </Stack>
      </form>
      <div className={classes.aside}>
        <ConsentPanel
          consent={consent}
          label={choice.label}
          again={begin}
          done={`${consent.address ?? "The account"} is connected.`}
        >
          <Explained label={choice.label} way={wayOf(choice.provider)} importDays={IMPORT_DAYS} />
        </ConsentPanel>
      </div>
    </div>
  );
}
