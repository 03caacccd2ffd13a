import { Group, Paper, TagsInput, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Account } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { TagBadges } from "./TagBadges";
import { useSetTags } from "./tagChanges";
import { MAX_TAG, MAX_TAGS_ON_ACCOUNT, tagsQuery } from "./tags";

/** The tags of an account; what is chosen or typed is saved at once. */
export function AccountTags({ account }: { account: Account }) {
  const { data } = useQuery(tagsQuery);
  const set = useSetTags(account.id);
  return (
    <section aria-labelledby="tags">
      <Title order={2} id="tags" mb="sm">
        Tags
      </Title>
      <Paper p="lg">
        {account.can_manage ? (
          <TagsInput
            aria-labelledby="tags"
            description="Choose one, or type a new one and press Enter. Saved at once."
            data={data?.items.map((tag) => tag.name) ?? []}
            value={set.isPending ? set.variables : account.tags}
            onChange={(tags) => set.mutate(tags)}
            error={set.error ? asApiError(set.error).message : undefined}
            maxTags={MAX_TAGS_ON_ACCOUNT}
            maxLength={MAX_TAG}
            splitChars={[]}
            clearButtonProps={{ "aria-label": "Take off all tags" }}
            comboboxProps={{ transitionProps: { duration: 0 } }}
          />
        ) : account.tags.length > 0 ? (
          <Group>
            <TagBadges tags={account.tags} />
          </Group>
        ) : (
          <Text c="dimmed">None.</Text>
        )}
      </Paper>
    </section>
  );
}
