import { Button, Group, Paper, Stack, TagsInput, Text, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Account } from "../../api/client";
import { count, counted } from "../../lib/format";
import { type ApiError, asApiError } from "../../lib/problem";
import { LoadFailed } from "../../ui/Notice";
import { useUnsaved } from "../../ui/unsaved";
import { type Rules, rulesQuery, triedRulesQuery, useKeepRules } from "./rules";
import classes from "./Sync.module.css";

const MAX_PATTERNS = 100;
const PAUSE_MS = 400;

/** Senders that shall not be linked to anything, tried on the mail that is here before they are kept. */
export function RulesSection({ account }: { account: Account }) {
  return (
    <section aria-labelledby="rules">
      <Title order={2} id="rules" mb="sm">
        Sync rules
      </Title>
      <Paper p="lg">
        <Patterns account={account} />
      </Paper>
    </section>
  );
}

function Patterns({ account }: { account: Account }) {
  const kept = useQuery(rulesQuery(account.id));
  const [draft, setDraft] = useState<string[]>();
  const [settled] = useDebouncedValue(draft, PAUSE_MS);
  const tried = useQuery({ ...triedRulesQuery(account.id, settled ?? []), enabled: settled !== undefined });
  const keep = useKeepRules(account.id);
  useUnsaved(draft !== undefined);
  if (kept.isPending) return <Text c="dimmed">Loading the rules…</Text>;
  if (!kept.data) {
    return <LoadFailed what="The sync rules" error={kept.error} retry={() => void kept.refetch()} />;
  }
  const wrong = keep.error ?? tried.error;
  const refused = tried.isError && draft === settled;
  const save = (patterns: string[]) =>
    keep.mutate(patterns, {
      onSuccess: () => {
        setDraft(undefined);
        notifications.show({ message: "The sync rules are saved." });
      },
    });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (draft) save(draft);
      }}
    >
      <fieldset disabled={!account.can_manage} className={classes.form}>
        <Stack>
          <TagsInput
            label="Exclude patterns"
            description="Compared with the sender’s whole address: * stands for any text, ? for one character. Press Enter after each."
            placeholder={(draft ?? kept.data.exclude).length === 0 ? "noreply@*" : undefined}
            value={draft ?? kept.data.exclude}
            onChange={setDraft}
            maxTags={MAX_PATTERNS}
            splitChars={[",", " ", ";"]}
            error={
              wrong &&
              words(asApiError(wrong), draft ?? []).map((line) => (
                <span key={line} className={classes.reason}>
                  {line}
                </span>
              ))
            }
            comboboxProps={{ transitionProps: { duration: 0 } }}
          />
          <Concerned rules={draft === undefined ? kept.data : tried.data} draft={draft !== undefined} />
          <Text size="sm" c="dimmed">
            Mail from these senders is synced and shown like any other. It is not linked to people, companies
            and deals.
          </Text>
          <Group gap="sm">
            <Button type="submit" disabled={!draft || refused} loading={keep.isPending}>
              Save rules
            </Button>
            {draft && (
              <Button variant="default" onClick={() => setDraft(undefined)}>
                Discard
              </Button>
            )}
          </Group>
        </Stack>
      </fieldset>
    </form>
  );
}

/** Which of the patterns are wrong, and why: a line for each. */
function words(error: ApiError, patterns: string[]): string[] {
  const fields = error.fields ?? [];
  if (fields.length === 0) return [error.message];
  return fields.map(({ field, message }) => {
    const pattern = patterns[Number(field.split(".")[1])];
    return pattern ? `“${pattern}”: ${message}` : message;
  });
}

function Concerned({ rules, draft }: { rules: Rules | undefined; draft: boolean }) {
  if (!rules) return null;
  if (rules.exclude.length === 0) return null;
  const would = draft ? "would concern" : "concern";
  return (
    <Stack gap="xs" role="status">
      <Text size="sm">
        These patterns {would} {count(rules.messages)} of {counted(rules.of, "message")} that{" "}
        {rules.of === 1 ? "is" : "are"} here.
      </Text>
      {rules.senders.length > 0 && (
        <ul className={classes.senders} aria-label="Senders that they fit">
          {rules.senders.map(({ address, messages }) => (
            <li key={address}>
              <Text size="sm" component="span" dir="auto">
                {address}
              </Text>
              <Text size="sm" component="span" c="dimmed" className="figures">
                {count(messages)}
              </Text>
            </li>
          ))}
        </ul>
      )}
    </Stack>
  );
}
