/**
 * Asks again for what changed. A query that waits for its first answer is not asked a second time by `invalidateQueries`, and the answer
 * may be from before the change: it would stand until the next one.
 */
import type { QueryClient, QueryFilters } from "@tanstack/react-query";

/** Fetches again what fits, as far as it is on screen. */
export async function lookAgain(queryClient: QueryClient, filters: QueryFilters): Promise<void> {
  const firsts = whenAnswered(queryClient, filters, (data) => data === undefined);
  await Promise.all([queryClient.invalidateQueries(filters), firsts]);
}

/** Fetches again, when they are answered, those that are being asked and whose data this holds for. */
export async function whenAnswered(
  queryClient: QueryClient,
  filters: QueryFilters,
  holds: (data: unknown) => boolean = () => true,
): Promise<void> {
  const asked = queryClient.getQueryCache().findAll({ ...filters, fetchStatus: "fetching" });
  const early = asked.filter(({ state }) => holds(state.data));
  if (early.length === 0) return;
  await Promise.allSettled(early.map(({ promise }) => promise));
  await queryClient.invalidateQueries({ predicate: (query) => early.includes(query) });
}
