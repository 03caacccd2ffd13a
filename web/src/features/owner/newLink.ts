/** The form for a link to a new mailbox: the ways in, and how its values become a request. */
import type { OwnerLinkRequest, ProviderCard, ProviderKind } from "../../api/client";
import { checkNew, type Errors, emptyOf, type NewValues, toRequest } from "../connect/form";

/** One way in: a kind of mailbox by its password, or an app at a provider that is asked for consent. */
export interface Way {
  value: string;
  label: string;
  kind: ProviderKind;
  oauth?: { provider: string; appId: string | null };
}

/** Every way that works here; consent first, where there is an app for it. */
export function waysOf(cards: ProviderCard[]): Way[] {
  return cards.flatMap(({ kind, label, oauth, password }) => {
    const consents = oauth.flatMap((choice) =>
      choice.apps.map((app) => ({
        value: `${kind} ${choice.provider} ${app.id ?? ""}`,
        label: `${label}, by signing in at ${choice.label}${choice.apps.length > 1 ? ` (${app.name})` : ""}`,
        kind,
        oauth: { provider: choice.provider, appId: app.id ?? null },
      })),
    );
    return password ? [...consents, { value: kind, label: `${label}, by password`, kind }] : consents;
  });
}

/** Both servers have a username of their own here: there is no login to share. */
export function emptyLink(kind: ProviderKind): NewValues {
  return { ...emptyOf(kind), same_login: false };
}

/** What is missing: all that a new account needs, but the passwords. */
export function checkLink(values: NewValues, way: Way): Errors {
  const fits = (field: string) => !/\.password$/.test(field) && !(way.oauth && /^(smtp|imap)\./.test(field));
  return Object.fromEntries(Object.entries(checkNew(values)).filter(([field]) => fits(field)));
}

type Server = NonNullable<OwnerLinkRequest["smtp"]>;

function withoutPassword(
  server:
    | { host: string; port: number; encryption: Server["encryption"]; username: string }
    | null
    | undefined,
): Server | null {
  if (!server) return null;
  const { host, port, encryption, username } = server;
  return { host, port, encryption, username };
}

export function toLink(values: NewValues, way: Way): OwnerLinkRequest {
  const { smtp, imap, ...rest } = toRequest(values);
  if (way.oauth) {
    return { ...rest, provider_name: "", oauth_provider: way.oauth.provider, app_id: way.oauth.appId };
  }
  return { ...rest, smtp: withoutPassword(smtp), imap: withoutPassword(imap) };
}
