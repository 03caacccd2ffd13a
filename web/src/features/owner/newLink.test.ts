import { expect, it } from "vitest";
import type { ProviderCard } from "../../api/client";
import { withAddress } from "../connect/form";
import { checkLink, emptyLink, toLink, type Way, waysOf } from "./newLink";

const app = (id: string | null, name: string) => ({ id, name });
const card = (kind: ProviderCard["kind"], label: string, more: Partial<ProviderCard> = {}): ProviderCard => ({
  kind,
  label,
  notes: [],
  password: true,
  oauth: [],
  ...more,
});
const google = (apps: ReturnType<typeof app>[]) => [
  { provider: "google", label: "Google", permissions: ["Read"], apps },
];
const custom: Way = { value: "custom", label: "", kind: "custom" };

it("offers what works here: consent first, and no provider without an app or a password", () => {
  const cards = [
    card("google", "Gmail", { oauth: google([app("a1", "Sales"), app(null, "Ours")]) }),
    card("microsoft", "Outlook", { password: false }),
    card("custom", "Custom SMTP"),
  ];
  expect(waysOf(cards).map(({ label }) => label)).toEqual([
    "Gmail, by signing in at Google (Sales)",
    "Gmail, by signing in at Google (Ours)",
    "Gmail, by password",
    "Custom SMTP, by password",
  ]);
  expect(new Set(waysOf(cards).map(({ value }) => value)).size).toBe(4);
});

it("asks for everything but the passwords, and for no servers where the provider has its own", () => {
  const empty = emptyLink("custom");
  expect(Object.keys(checkLink(empty, custom)).sort()).toEqual([
    "address",
    "display_name",
    "imap.host",
    "imap.username",
    "smtp.host",
    "smtp.username",
  ]);
  const way: Way = { value: "", label: "", kind: "google", oauth: { provider: "google", appId: null } };
  expect(Object.keys(checkLink(emptyLink("google"), way)).sort()).toEqual(["address", "display_name"]);
});

it("sends both usernames and never a password", () => {
  const values = withAddress(emptyLink("custom"), "ben@old.test");
  const sent = toLink(
    {
      ...values,
      display_name: "Ben",
      smtp: { ...values.smtp, host: "smtp.old.test", password: "typed by mistake" },
      imap: { ...values.imap, host: "imap.old.test", username: "ben" },
    },
    custom,
  );
  expect([sent.smtp?.username, sent.imap?.username]).toEqual(["ben@old.test", "ben"]);
  expect(JSON.stringify(sent)).not.toContain("password");
});

it("sends no servers with a consent", () => {
  const way: Way = { value: "", label: "", kind: "google", oauth: { provider: "google", appId: "a1" } };
  const sent = toLink({ ...withAddress(emptyLink("google"), "ben@old.test"), display_name: "Ben" }, way);
  expect(sent).toMatchObject({ oauth_provider: "google", app_id: "a1", address: "ben@old.test" });
  expect([sent.smtp, sent.imap]).toEqual([undefined, undefined]);
});
