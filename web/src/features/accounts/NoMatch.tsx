import { Button } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { AccountFilter } from "../../api/keys";
import { isolated } from "../../lib/texts";
import { Notice } from "../../ui/Notice";
import type { Change } from "./AccountFilters";
import { EVERYTHING, PROVIDERS } from "./filter";
import { accountUsersQuery } from "./queries";
import { STATES } from "./words";

/** Names what hides everything, each with its own way off. */
export default function NoMatch({ filter, onChange }: { filter: AccountFilter; onChange: Change }) {
  const hiding = useFilterWords(filter);
  return (
    <Notice
      icon={IconSearchOff}
      title="No account matches"
      action={
        <>
          {hiding.length > 1 &&
            hiding.map(({ name, words }) => (
              <Button key={name} variant="default" onClick={() => onChange({ [name]: undefined })}>
                Without {words}
              </Button>
            ))}
          <Button variant="default" onClick={() => onChange(EVERYTHING)}>
            Clear filters
          </Button>
        </>
      }
    >
      No account fits {hiding.map(({ words }) => words).join(" and ")}.
    </Notice>
  );
}

/** The filters that are set, as a person would say them. */
function useFilterWords({ search, provider, status, user, tag }: AccountFilter) {
  const { data } = useQuery(accountUsersQuery);
  const somebody = data?.items.find(({ id }) => id === user)?.name ?? "that person";
  const whose = user === "me" ? "me" : user === "team" ? "the team" : somebody;
  const words = {
    search: search && `“${isolated(search)}”`,
    provider: provider && `the provider ${PROVIDERS[provider as keyof typeof PROVIDERS]}`,
    status: status && `the status ${STATES[status as keyof typeof STATES].word}`,
    user: user && `the user ${isolated(whose)}`,
    tag: tag && `the tag ${isolated(tag)}`,
  };
  return Object.entries(words).flatMap(([name, text]) => (text ? [{ name, words: text }] : []));
}
