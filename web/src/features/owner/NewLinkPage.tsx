import { Button, Group, Select, Stack, Switch, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useSuspenseQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { MadeOwnerLink } from "../../api/client";
import { useOneAtATime } from "../../ui/action";
import { ErrorSummary } from "../../ui/ErrorSummary";
import { Page, PageHeader } from "../../ui/Page";
import connect from "../connect/Connect.module.css";
import { Crumbs } from "../connect/Crumbs";
import { LoginFields, ServerFields } from "../connect/EndpointFields";
import { domainOf, type FormOf, type NewValues, withAddress } from "../connect/form";
import { Identity } from "../connect/Identity";
import { isKnown, type KnownKind } from "../connect/kinds";
import { providersQuery } from "../connect/queries";
import { useFormTrouble } from "../connect/useFormTrouble";
import { useKnownServers } from "../connect/useKnownServers";
import { useSession } from "../session/queries";
import { LinkMade } from "./LinkMade";
import { checkLink, emptyLink, toLink, type Way, waysOf } from "./newLink";
import { OpenLinks } from "./OpenLinks";
import classes from "./Owner.module.css";
import { useMakeNewLink } from "./queries";

/** Makes a link with which the owner of a mailbox connects it as a new account. */
export function NewLinkPage() {
  const { data } = useSuspenseQuery(providersQuery);
  const ways = waysOf(data.items);
  const [made, setMade] = useState<MadeOwnerLink>();
  return (
    <Page name="Let the owner connect it">
      <Crumbs here="Let the owner connect it" add />
      <PageHeader title="Let the owner connect it" />
      <div className={classes.body}>
        <Text>
          Say which mailbox it is and where it lives. The link that you get lets its owner connect it without
          signing in here, and type the password where nobody else sees it. What you enter now cannot be
          changed with the link.
        </Text>
        {made ? (
          <>
            <LinkMade made={made} />
            <Group>
              <Button variant="default" onClick={() => setMade(undefined)}>
                Make a link for another mailbox
              </Button>
            </Group>
          </>
        ) : (
          <LinkForm ways={ways} onMade={setMade} />
        )}
        <OpenLinks />
      </div>
    </Page>
  );
}

function LinkForm({ ways, onMade }: { ways: Way[]; onMade: (made: MadeOwnerLink) => void }) {
  const [way, setWay] = useState(ways.find(({ kind }) => kind === "custom") ?? (ways[0] as Way));
  const make = useMakeNewLink();
  const once = useOneAtATime();
  const form: FormOf<NewValues> = useForm({
    initialValues: emptyLink(way.kind),
    validate: (values) => checkLink(values, way),
  });
  const trouble = useFormTrouble(form);
  // Only asked where the kind is one of them.
  const { complete } = useKnownServers(way.kind as KnownKind);
  const choose = (value: string | null) => {
    const next = ways.find((each) => each.value === value);
    if (!next) return;
    setWay(next);
    trouble.clear();
    form.clearErrors();
    const { display_name, owner, address } = form.getValues();
    form.setValues({ ...withAddress(emptyLink(next.kind), address), display_name, owner });
  };
  const submit = async () => {
    trouble.clear();
    try {
      if (!way.oauth && isKnown(way.kind)) await complete(form);
      const { hasErrors, errors } = form.validate();
      if (hasErrors) trouble.local(errors);
      else onMade(await make.mutateAsync(toLink(form.getValues(), way)));
    } catch (error) {
      trouble.remote(error);
    }
  };
  const own = !way.oauth && !isKnown(way.kind);
  return (
    <form
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void once(submit);
      }}
    >
      <Stack gap="lg">
        <ErrorSummary entries={trouble.entries} round={trouble.round} />
        <Select
          label="Where the mailbox lives"
          data={ways.map(({ value, label }) => ({ value, label }))}
          value={way.value}
          onChange={choose}
          allowDeselect={false}
        />
        <Identity form={form} {...(own ? { providerLabel: "Old Host" } : {})} />
        {own && <Servers form={form} />}
        <Group justify="flex-end">
          <Button type="submit" loading={make.isPending}>
            Make link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const SIDES = [
  { side: "smtp", legend: "Outgoing (SMTP)", on: "send", wish: "Also send from this address", of: "imap" },
  {
    side: "imap",
    legend: "Incoming (IMAP)",
    on: "receive",
    wish: "Receive mail with this account",
    of: "custom",
  },
] as const;

/** The servers that the owner's password will go to. */
function Servers({ form }: { form: FormOf<NewValues> }) {
  const { instance } = useSession();
  const values = form.getValues();
  return SIDES.map(({ side, legend, on, wish, of }) => (
    <fieldset key={side} className={connect.section}>
      <legend>{legend}</legend>
      <Stack>
        {values.kind === of && <Switch label={wish} {...form.getInputProps(on, { type: "checkbox" })} />}
        {values[on] && (
          <>
            <ServerFields
              form={form}
              side={side}
              domain={domainOf(values.address)}
              plainAllowed={instance.plain_text_allowed}
            />
            <LoginFields form={form} side={side} withPassword={false} />
          </>
        )}
      </Stack>
    </fieldset>
  ));
}
