import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, it } from "vitest";
import { account, api, found, open, problem, server, stream } from "../../../test/world";
import type { DiscoverRequest, FoundServer } from "../../api/client";

const field = (id: string) => document.getElementById(id) as HTMLElement;
const base = found();

/** The servers of iCloud for an address: the username to receive is what stands before the @. */
function icloud(address: string) {
  const imap = { ...(base.imap as FoundServer), host: "imap.mail.me.com" };
  const smtp = { ...(base.smtp as FoundServer), host: "smtp.mail.me.com" };
  return found({
    kind: "icloud",
    provider: "iCloud Mail",
    imap: { ...imap, usernames: [address.split("@")[0] ?? ""], answered: null },
    smtp: { ...smtp, port: 587, encryption: "starttls", usernames: [address], answered: null },
  });
}

const asked: unknown[] = [];
const saved: unknown[] = [];

function done(data: unknown) {
  const work = stream();
  work.say("done", data);
  work.end();
  return work.response();
}

beforeEach(() => {
  asked.length = 0;
  saved.length = 0;
  server.use(
    http.post(api("/accounts/discover"), async ({ request }) => {
      const body = (await request.json()) as DiscoverRequest;
      asked.push(body);
      return done({ found: [icloud(body.address)], looked: [] });
    }),
    http.post(api("/accounts/test"), () => done({ ok: true, imap_ok: true, smtp_ok: true })),
    http.post(api("/accounts"), async ({ request }) => {
      saved.push(await request.json());
      return HttpResponse.json(account("ben"), { status: 201 });
    }),
  );
});

it("asks for an address, a name and the app password, and knows the servers", async () => {
  const { user, router } = open("/accounts/add/icloud");
  await user.type(await screen.findByLabelText("Email address"), "ben@icloud.test");
  await user.type(screen.getByLabelText("Display name"), "Ben Kim");
  await user.type(screen.getByLabelText("App password"), "abcd-efgh-ijkl-mnop");
  expect(await screen.findByText("imap.mail.me.com, smtp.mail.me.com")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Save account" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ben/start"));
  expect(saved).toEqual([
    expect.objectContaining({
      provider: "icloud",
      imap: {
        host: "imap.mail.me.com",
        port: 993,
        encryption: "tls",
        username: "ben",
        password: "abcd-efgh-ijkl-mnop",
      },
      smtp: {
        host: "smtp.mail.me.com",
        port: 587,
        encryption: "starttls",
        username: "ben@icloud.test",
        password: "abcd-efgh-ijkl-mnop",
      },
    }),
  ]);
  expect(asked.at(-1)).toEqual({ address: "ben@icloud.test", kind: "icloud" });
});

it("keeps a server that a person changed when the address changes after it", async () => {
  const { user } = open("/accounts/add/icloud");
  const address = await screen.findByLabelText("Email address");
  await user.type(address, "ben@icloud.test");
  await screen.findByText("imap.mail.me.com, smtp.mail.me.com");
  await user.click(screen.getByText("Servers"));
  await user.clear(field("imap.username"));
  await user.type(field("imap.username"), "somebody");
  await user.clear(address);
  await user.type(address, "cleo@icloud.test");
  await waitFor(() => expect(asked.at(-1)).toMatchObject({ address: "cleo@icloud.test" }));
  await waitFor(() => expect(field("smtp.username")).toHaveValue("cleo@icloud.test"));
  expect(field("imap.username")).toHaveValue("somebody");
});

it("lists what to do first, with links that open beside the page", async () => {
  open("/accounts/add/google");
  const first = await screen.findByRole("region", { name: "First, at Gmail" });
  expect(within(first).getAllByRole("listitem")).toHaveLength(2);
  const link = within(first).getByRole("link", { name: "myaccount.google.com/apppasswords" });
  expect(link).toHaveAttribute("href", "https://myaccount.google.com/apppasswords");
  expect(link).toHaveAttribute("target", "_blank");
  expect(link.getAttribute("rel")).toContain("noopener");
});

it("opens the servers when something in them is refused", async () => {
  server.use(
    http.post(api("/accounts/test"), () =>
      problem(422, "validation_failed", "Some fields are not right.", {
        fields: [{ field: "imap.port", code: "policy", message: "This port is not allowed." }],
      }),
    ),
  );
  const { user } = open("/accounts/add/yahoo");
  await user.type(await screen.findByLabelText("Email address"), "ben@yahoo.test");
  await user.type(screen.getByLabelText("Display name"), "Ben Kim");
  await user.type(screen.getByLabelText("App password"), "secret");
  expect(field("imap.port").closest("details")).not.toHaveAttribute("open");
  await user.click(screen.getByRole("button", { name: "Test connection" }));
  await user.click(await screen.findByRole("link", { name: "This port is not allowed." }));
  expect(field("imap.port")).toHaveFocus();
  expect(field("imap.port").closest("details")).toHaveAttribute("open");
});

it("says so when the servers cannot be asked for, and keeps what was typed", async () => {
  server.use(http.post(api("/accounts/discover"), () => HttpResponse.error()));
  const { user } = open("/accounts/add/yahoo");
  await user.type(await screen.findByLabelText("Email address"), "ben@yahoo.test");
  await user.type(screen.getByLabelText("App password"), "secret");
  await user.click(screen.getByRole("button", { name: "Save account" }));
  expect(await screen.findByText(/could not be reached/)).toBeVisible();
  expect(screen.getByLabelText("App password")).toHaveValue("secret");
  expect(saved).toEqual([]);
});

it("connects a mailbox that only receives", async () => {
  const { user, router } = open("/accounts/add/imap");
  await user.type(await screen.findByLabelText("Email address"), "ben@old.test");
  await user.type(screen.getByLabelText("Display name"), "Ben Kim");
  await user.type(field("imap.host"), "imap.old.test");
  await user.type(field("imap.password"), "secret");
  expect(field("smtp.host")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Test connection" }));
  expect(await screen.findByText("Receiving works.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Save account" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ben/start"));
  expect(saved).toEqual([
    expect.objectContaining({
      provider: "imap",
      smtp: null,
      imap: expect.objectContaining({ host: "imap.old.test", username: "ben@old.test", password: "secret" }),
    }),
  ]);
});
