import { MantineProvider } from "@mantine/core";
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, open, server } from "../../../test/world";
import type { Message, MessageRow, Thread, ThreadRow } from "../../api/client";
import { peopleOf, ThreadLine } from "./ThreadLine";

const person = (name: string) => ({ name, address: `${name.toLowerCase()}@else.test` });

function thread(id: string, more: Partial<ThreadRow> = {}): ThreadRow {
  return {
    id,
    account_id: "ana",
    subject: "Offer for May",
    people: [person("Cleo"), { name: "Ana Diaz", address: "Ana@acme.test" }],
    people_count: 2,
    message_count: 4,
    unread_count: 2,
    flagged: true,
    answered: false,
    has_attachments: false,
    newest_id: "m4",
    unread_id: "m3",
    snippet: "The newest words",
    date: "2026-11-20T10:00:00.000Z",
    folders: [],
    labels: [],
    ...more,
  };
}

function row(id: string, more: Partial<MessageRow> = {}): MessageRow {
  return {
    id,
    account_id: "ana",
    thread_id: "t1",
    from: person("Cleo"),
    to: [],
    subject: "Offer for May",
    snippet: `Words of ${id}`,
    date: "2026-11-20T10:00:00.000Z",
    size: 1_000,
    seen: true,
    flagged: false,
    answered: false,
    has_attachments: false,
    folders: [],
    labels: [],
    ...more,
  };
}

function message(id: string): Message {
  return {
    ...row(id),
    cc: [],
    bcc: [],
    reply_to: [],
    message_id: `<${id}@else.test>`,
    attachments: [],
    has_html: false,
    text: `All of ${id}`,
    remote_images: 0,
    truncated: false,
    body_missing: false,
    parse_problems: [],
  };
}

/** One conversation of so many messages, each of which can be opened. */
function play(count: number, more: Partial<Thread> = {}): string[] {
  const asked: string[] = [];
  const messages = Array.from({ length: count }, (_, n) => row(`m${n + 1}`));
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(account("ana"))),
    http.get(api("/accounts/ana/messages"), () => {
      asked.push("messages");
      return HttpResponse.json({ items: messages, next_cursor: null });
    }),
    http.get(api("/accounts/ana/threads"), () => {
      asked.push("threads");
      return HttpResponse.json({ items: [thread("t1")], next_cursor: null });
    }),
    http.get(api("/threads/t1"), () =>
      HttpResponse.json({ ...thread("t1"), messages, next_cursor: null, probable: [], ...more }),
    ),
    http.get(api("/messages/:id"), ({ params }) => HttpResponse.json(message(String(params.id)))),
  );
  return asked;
}

async function line(of: ThreadRow, folder?: string): Promise<HTMLElement> {
  const root = createRootRoute({
    component: () => (
      <ThreadLine thread={of} own="ana@acme.test" search={{ folder }} open={false} marked={false} />
    ),
  });
  const router = createRouter({ routeTree: root, history: createMemoryHistory() });
  render(
    <MantineProvider>
      {/* biome-ignore lint/suspicious/noExplicitAny: a router of its own, with no page */}
      <RouterProvider router={router as any} />
    </MantineProvider>,
  );
  return screen.findByRole("link");
}

it("a row shows who wrote, how many messages, and what is unread, and leads to the newest unread one", async () => {
  const link = await line(thread("t1"));
  expect(link).toHaveAttribute("href", "/accounts/ana/mail/m3");
  expect(link).toHaveAttribute("data-unread");
  expect(within(link).getByRole("img", { name: "2 unread" })).toBeInTheDocument();
  expect(within(link).getByText("4 messages")).toBeInTheDocument();
  expect(within(link).getByRole("img", { name: "Flagged" })).toBeInTheDocument();
  expect(link.textContent?.replace(/\p{Bidi_Control}/gu, "")).toContain("Cleo, me");
});

it("a row of one read message has no weight and no number", async () => {
  const link = await line(
    thread("t1", { message_count: 1, unread_count: 0, unread_id: null, flagged: false }),
  );
  expect(link).toHaveAttribute("href", "/accounts/ana/mail/m4");
  expect(link).not.toHaveAttribute("data-unread");
  expect(within(link).queryByText(/message/)).not.toBeInTheDocument();
});

it("a row shows two of its labels and counts the others, without the one of the folder that is looked at", async () => {
  const folders = [{ id: "f1", name: "Customers", role: null }];
  const labels = ["Customers", "Offers", "2026", "Later"];
  const shown = (link: HTMLElement) => link.querySelector("[title]");
  expect(shown(await line(thread("t1")))).toBeNull();
  cleanup();
  expect(shown(await line(thread("t1", { labels, folders })))).toHaveTextContent("CustomersOffers2 more");
  cleanup();
  const here = shown(await line(thread("t1", { labels, folders }), "f1"));
  expect(here).toHaveTextContent("Offers20261 more");
  expect(here).toHaveAttribute("title", "Offers, 2026, Later");
});

it("names five people and counts the others", () => {
  const people = ["A", "B", "C", "D", "E"].map(person);
  const names = peopleOf(thread("t1", { people, people_count: 1_204 }), "ana@acme.test");
  expect(names.replace(/\p{Bidi_Control}/gu, "")).toBe("A, B, C, D, E and 1,199 more");
});

it("shows conversations, and messages alone when a person wants those: now, and when they come again", async () => {
  const asked = play(4);
  open("/accounts/ana/mail");
  expect(await screen.findByRole("list", { name: "Conversations, newest first" })).toBeInTheDocument();
  await userEvent.click(screen.getByRole("radio", { name: "Messages" }));
  expect(await screen.findByRole("list", { name: "Messages, newest first" })).toBeInTheDocument();
  expect(asked).toEqual(["threads", "messages"]);
  cleanup();
  open("/accounts/ana/mail");
  expect(await screen.findByRole("list", { name: "Messages, newest first" })).toBeInTheDocument();
  cleanup();
  // What the address says is stronger, until a person chooses.
  const linked = open("/accounts/ana/mail?view=conversations");
  expect(await screen.findByRole("list", { name: "Conversations, newest first" })).toBeInTheDocument();
  await userEvent.click(screen.getByRole("radio", { name: "Messages" }));
  expect(await screen.findByRole("list", { name: "Messages, newest first" })).toBeInTheDocument();
  expect(linked.router.state.location.search).toEqual({});
});

it("an open message stands between the others of its conversation, and a click opens one of them", async () => {
  play(12);
  const { router } = open("/accounts/ana/mail/m7");
  expect(await screen.findByText("All of m7")).toBeVisible();
  const earlier = await screen.findByRole("region", { name: "Earlier in this conversation" });
  const words = (of: HTMLElement) =>
    within(of)
      .getAllByText(/^Words of/)
      .map((each) => each.textContent);
  expect(words(earlier)).toEqual(["Words of m4", "Words of m5", "Words of m6"]);
  const later = screen.getByRole("region", { name: "Later in this conversation" });
  expect(words(later)).toEqual(["Words of m8", "Words of m9", "Words of m10"]);
  await userEvent.click(within(earlier).getByRole("button", { name: "Show 3 earlier messages" }));
  expect(words(earlier)).toHaveLength(6);
  await userEvent.click(within(earlier).getByText("Words of m1"));
  expect(await screen.findByText("All of m1")).toBeVisible();
  expect(router.state.location.pathname).toBe("/accounts/ana/mail/m1");
  expect(screen.queryByRole("region", { name: "Earlier in this conversation" })).not.toBeInTheDocument();
});

it("says which conversations probably belong to it, and shows no other message where messages are wanted alone", async () => {
  const probable = [
    {
      id: "t2",
      subject: "Re: Offer for May",
      newest_id: "m9",
      date: "2026-11-21T10:00:00.000Z",
      message_count: 1,
    },
  ];
  play(1, { probable });
  open("/accounts/ana/mail/m1");
  const region = await screen.findByRole("region", { name: "Probably of this conversation" });
  expect(within(region).getByRole("link", { name: /Re: Offer for May/ })).toHaveAttribute(
    "href",
    "/accounts/ana/mail/m9",
  );
  cleanup();
  open("/accounts/ana/mail/m1?view=messages");
  expect(await screen.findByText("All of m1")).toBeVisible();
  await waitFor(() => expect(screen.queryByRole("region", { name: /conversation/ })).not.toBeInTheDocument());
});
