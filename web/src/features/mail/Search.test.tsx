import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { account, api, open, server } from "../../../test/world";
import type { SearchHit, SearchPage } from "../../api/client";
import { Marked } from "./Marked";
import { hasPart, withPart } from "./search";

function found(id: string, subject: string): SearchHit {
  const place = subject.indexOf("quote");
  return {
    id,
    account_id: "ana",
    thread_id: "t1",
    account: { id: "ana", address: "ana@acme.test", display_name: "Ana" },
    from: { name: "Cleo", address: "cleo@else.test" },
    to: [{ name: "", address: "ana@acme.test" }],
    subject,
    snippet: "first words",
    date: "2026-11-20T10:00:00.000Z",
    seen: true,
    flagged: false,
    answered: false,
    has_attachments: false,
    size: 100,
    folders: [],
    labels: [],
    from_parts: [{ text: "Cleo", hit: false }],
    subject_parts: [
      { text: subject.slice(0, place), hit: false },
      { text: "quote", hit: true },
      { text: subject.slice(place + 5), hit: false },
    ].filter(({ text }) => text),
    excerpt: [{ text: "the <b>words</b> around", hit: false }],
  };
}

const page = (items: SearchHit[], more: Partial<SearchPage> = {}): SearchPage => ({
  items,
  next_cursor: null,
  indexing: false,
  indexed_back_to: null,
  ...more,
});

function play(answer: (query: URLSearchParams) => SearchPage): URLSearchParams[] {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(account("ana"))),
    http.get(api("/accounts/ana/folders"), () => HttpResponse.json({ items: [] })),
    http.get(api("/accounts/ana/messages"), () => HttpResponse.json({ items: [], next_cursor: null })),
    http.get(api("/messages/search"), ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.push(query);
      return HttpResponse.json(answer(query));
    }),
  );
  return asked;
}

it("searches the mail of an account and keeps the search in the address", async () => {
  const asked = play(() => page([found("m1", "Your quote, please")]));
  const { router } = open("/accounts/ana/mail");
  const user = userEvent.setup();
  await screen.findByText("No mail in the imported time");
  await user.keyboard("/");
  const field = screen.getByRole("searchbox", { name: "Search these emails" });
  expect(field).toHaveFocus();
  await user.type(field, "quote{Enter}");
  // Rows exist where there is room for them: what stands in them is seen in the walk.
  expect(await screen.findByRole("list", { name: "Messages found, newest first" })).toBeInTheDocument();
  expect(router.state.location.search).toEqual({ q: "quote" });
  expect(asked.at(-1)?.get("account_id")).toBe("ana");
  await user.click(screen.getByRole("checkbox", { name: "Unread" }));
  await waitFor(() => expect(asked.at(-1)?.get("q")).toBe("is:unread quote"));
  expect(field).toHaveValue("is:unread quote");
  await user.click(screen.getByRole("button", { name: "Clear the search" }));
  expect(await screen.findByText("No mail in the imported time")).toBeVisible();
});

it("goes on by itself where an answer holds nothing yet, and says that older mail is indexed", async () => {
  const asked = play((query) =>
    query.get("cursor")
      ? page([found("m2", "An old quote")])
      : page([], { next_cursor: "further", indexing: true, indexed_back_to: "2026-10-01T00:00:00.000Z" }),
  );
  open("/search?q=quote");
  expect(await screen.findByRole("list", { name: "Messages found, newest first" })).toBeInTheDocument();
  expect(asked.map((query) => query.get("cursor"))).toEqual([null, "further"]);
  expect(asked[0]?.get("account_id")).toBeNull();
  expect(screen.getByText(/Older mail is still being indexed/)).toBeVisible();
});

it("tells what can be typed, before a search and when it finds nothing", async () => {
  play(() => page([]));
  const user = userEvent.setup();
  open("/search");
  expect(await screen.findByText("has:attachment")).toBeVisible();
  await user.type(screen.getByRole("searchbox", { name: "Search all mail" }), "quote");
  expect(await screen.findByText("Nothing found")).toBeVisible();
  expect(screen.getByText("has:attachment")).toBeVisible();
});

it("says that it could not search, and tries again", async () => {
  let broken = true;
  play(() => page([found("m1", "Your quote")]));
  server.use(
    http.get(api("/messages/search"), () =>
      broken
        ? HttpResponse.json({ code: "invalid_request", title: "No", detail: "No." }, { status: 400 })
        : HttpResponse.json(page([found("m1", "Your quote")])),
    ),
  );
  open("/search?q=quote");
  expect(await screen.findByText("What was found could not be loaded")).toBeVisible();
  broken = false;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("list", { name: "Messages found, newest first" })).toBeInTheDocument();
});

it("marks what was found, and shows markup as text", () => {
  const { container } = render(
    <Marked
      parts={[
        { text: "a <b>", hit: false },
        { text: "quote", hit: true },
      ]}
    />,
  );
  expect(container.textContent).toBe("a <b>quote");
  expect(container.querySelector("mark")?.textContent).toBe("quote");
});

it("chips change only their own part of what is typed", () => {
  expect(withPart("a  b", "is:unread", true)).toBe("is:unread a  b");
  expect(withPart("is:unread a is:unreads", "is:unread", false)).toBe("a is:unreads");
  expect(hasPart("a is:unread", "is:unread")).toBe(true);
  expect(hasPart("a -is:unread", "is:unread")).toBe(false);
});
