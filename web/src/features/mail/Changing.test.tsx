import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { account, api, FakeEventSource, folder, open, problem, server } from "../../../test/world";
import type { Folder, Message, MessageRow, ThreadRow } from "../../api/client";
import type { ChangeRequest, Moved } from "./changes";

const NAMES = ["One", "Two", "Three", "Four", "Five"];
const FOLDERS: Folder[] = [
  folder("inbox", { name: "INBOX", role: "inbox", selected: true }),
  folder("archive", { name: "Archive", role: "archive", selected: true }),
  folder("trash", { name: "Trash", role: "trash", selected: true }),
  folder("offers", { name: "Offers", selected: true }),
];

interface Held {
  place: string;
  seen: boolean;
  flagged: boolean;
  /** Its conversation; none: one of its own. */
  thread?: string;
}

let box: Map<string, Held>;
let asked: ChangeRequest[] = [];
/** What was to be undone. */
let undone: Moved[] = [];
/** What the next change is answered with, instead of being done. */
let refusal: (() => Response) | undefined;
/** What answers wait for: to a change, and to a list. */
let hold: Promise<void> | undefined;
let slow: Promise<void> | undefined;
let listed = 0;
/** Messages that the server says it leaves alone. */
let kept = 0;
let gone: string[] = [];

function rowOf(id: string): MessageRow {
  const held = box.get(id) ?? { place: "inbox", seen: true, flagged: false };
  const place = FOLDERS.find((each) => each.id === held.place);
  return {
    id,
    thread_id: held.thread ?? `t-${id}`,
    account_id: "ana",
    from: { name: "Cleo", address: "cleo@else.test" },
    to: [],
    subject: `Letter ${id}`,
    snippet: "",
    date: "2026-11-20T10:00:00.000Z",
    size: 1_000,
    seen: held.seen,
    flagged: held.flagged,
    answered: false,
    has_attachments: false,
    folders: place ? [{ id: place.id, name: place.name, role: place.role ?? null }] : [],
    labels: [],
  };
}

const detail = (id: string): Message => ({
  ...rowOf(id),
  cc: [],
  bcc: [],
  reply_to: [],
  attachments: [],
  has_html: false,
  text: `Text of ${id}`,
  remote_images: 0,
  truncated: false,
  body_missing: false,
  parse_problems: [],
});

function counted(each: Folder): Folder {
  const here = [...box.values()].filter(({ place }) => place === each.id);
  return { ...each, messages: here.length, unseen: here.filter(({ seen }) => !seen).length };
}

const of = (thread: string) => [...box.keys()].map(rowOf).filter((row) => row.thread_id === thread);

function threadOf(id: string, folder: string | null): ThreadRow {
  const messages = of(id);
  const newest = messages.filter(({ id: each }) => !folder || box.get(each)?.place === folder).at(-1);
  const unread = messages.filter(({ seen }) => !seen);
  return {
    id,
    account_id: "ana",
    subject: messages[0]?.subject ?? "",
    people: [{ name: "Cleo", address: "cleo@else.test" }],
    people_count: 1,
    message_count: messages.length,
    unread_count: unread.length,
    unread_id: unread.at(-1)?.id ?? null,
    flagged: messages.some(({ flagged }) => flagged),
    answered: false,
    has_attachments: false,
    newest_id: newest?.id ?? "",
    snippet: "",
    date: "2026-11-20T10:00:00.000Z",
    folders: messages
      .flatMap(({ folders }) => folders)
      .filter(({ id: each }, at, all) => all.findIndex((other) => other.id === each) === at),
    labels: [],
  };
}

function meant({ messages = [], threads = [], from }: ChangeRequest): string[] {
  const all = [...messages, ...threads.flatMap((id) => of(id).map((row) => row.id))];
  return from ? all.filter((id) => box.get(id)?.place === from) : all;
}

function apply(body: ChangeRequest): Moved[] {
  const { action } = body;
  const moved: Moved[] = [];
  for (const message of meant(body)) {
    const held = box.get(message);
    if (!held) continue;
    if (action.kind === "flags") Object.assign(held, { ...action, kind: undefined });
    else if (action.kind === "delete") {
      box.delete(message);
      gone.push(message);
    } else {
      const to = "folder" in action ? action.folder : action.kind;
      moved.push({ message, from: held.place, to });
      held.place = to;
    }
  }
  return moved;
}

// Rows exist where there is room for them.
const SIZES = { clientHeight: 400, clientWidth: 400, offsetHeight: 77 };
const before = Object.keys(SIZES).map((name) => {
  const owner = name.startsWith("client") ? Element.prototype : HTMLElement.prototype;
  return { owner, name, was: Object.getOwnPropertyDescriptor(owner, name) };
});
beforeAll(() => {
  for (const { owner, name } of before)
    Object.defineProperty(owner, name, { configurable: true, value: SIZES[name as keyof typeof SIZES] });
});
afterAll(() => {
  for (const { owner, name, was } of before) if (was) Object.defineProperty(owner, name, was);
});

beforeEach(() => {
  box = new Map(NAMES.map((name) => [name, { place: "inbox", seen: true, flagged: false }]));
  undone = [];
  [asked, gone, refusal, hold, slow, listed, kept] = [[], [], undefined, undefined, undefined, 0, 0];
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(account("ana"))),
    http.get(api("/accounts/ana/folders"), () => HttpResponse.json({ items: FOLDERS.map(counted) })),
    http.get(api("/accounts/ana/messages"), async ({ request }) => {
      listed += 1;
      const wanted = new URL(request.url).searchParams.get("folder");
      const items = [...box].filter(([, { place }]) => !wanted || place === wanted).map(([id]) => rowOf(id));
      await slow;
      return HttpResponse.json({ items, next_cursor: null });
    }),
    http.get(api("/accounts/ana/threads"), ({ request }) => {
      const wanted = new URL(request.url).searchParams.get("folder");
      const here = [...box].filter(([, { place }]) => !wanted || place === wanted);
      const ids = new Set(here.map(([id]) => rowOf(id).thread_id));
      return HttpResponse.json({ items: [...ids].map((id) => threadOf(id, wanted)), next_cursor: null });
    }),
    http.get(api("/threads/:id"), ({ params }) => {
      const id = String(params.id);
      return HttpResponse.json({ ...threadOf(id, null), messages: of(id), next_cursor: null, probable: [] });
    }),
    http.get(api("/messages/:id"), ({ params }) => HttpResponse.json(detail(String(params.id)))),
    http.patch(api("/messages/:id"), async ({ params, request }) => {
      Object.assign(box.get(String(params.id)) ?? {}, await request.json());
      return HttpResponse.json(rowOf(String(params.id)));
    }),
    http.post(api("/accounts/ana/messages/change"), async ({ request }) => {
      const body = (await request.json()) as ChangeRequest;
      asked.push(body);
      await hold;
      if (refusal) return refusal();
      const changed = meant(body).filter((id) => box.has(id)).length;
      const missing = (body.messages ?? []).filter((id) => !box.has(id)).length;
      return HttpResponse.json({ changed, unchanged: 0, missing, kept, moved: apply(body) });
    }),
    http.post(api("/accounts/ana/messages/move-back"), async ({ request }) => {
      ({ moves: undone } = (await request.json()) as { moves: Moved[] });
      const there = undone.filter(({ message, to }) => box.get(message)?.place === to);
      for (const { message, from } of there) Object.assign(box.get(message) ?? {}, { place: from });
      const moved = there.map(({ message, from, to }) => ({ message, from: to, to: from }));
      const missing = undone.length - there.length;
      return HttpResponse.json({ changed: moved.length, unchanged: 0, missing, kept: 0, moved });
    }),
  );
});

/** Lets something wait until what is returned is called. */
function gate(wait: (until: Promise<void>) => void): () => void {
  let open = () => {};
  wait(
    new Promise((resolve) => {
      open = resolve;
    }),
  );
  return open;
}

const INBOX = "/accounts/ana/mail?folder=inbox&view=messages";
const line = (id: string) => screen.findByRole("link", { name: new RegExp(`Letter ${id}\\b`) });
const noLine = (id: string) =>
  waitFor(() => expect(screen.queryByRole("link", { name: new RegExp(`Letter ${id}\\b`) })).toBeNull());
const tick = (id: string) => screen.findByRole("checkbox", { name: `Select: Letter ${id}` });
const bar = (what = "messages") => within(screen.getByRole("region", { name: `Selected ${what}` }));
const moves = () => asked.map(({ messages, from, action }) => [action.kind, from, messages]);

it("chooses by click, by range and by key, and forgets with Escape", async () => {
  const { user } = open(INBOX);
  await user.click(await tick("One"));
  expect(bar().getByText("1 selected")).toBeVisible();
  fireEvent.click(await tick("Three"), { shiftKey: true });
  expect(bar().getByText("3 selected")).toBeVisible();
  // On the line, too.
  fireEvent.click(await line("Four"), { shiftKey: true });
  expect(bar().getByText("4 selected")).toBeVisible();
  await user.click(bar().getByRole("button", { name: "Select all 5" }));
  // The second click of two lands on what has moved there.
  fireEvent.click(bar().getByRole("button", { name: "Archive" }), { detail: 2 });
  expect(bar().getByText("5 selected")).toBeVisible();
  // A box that has the focus takes no letters: keys go on working.
  await user.click(await tick("Two"));
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("region", { name: "Selected messages" })).toBeNull();
  await user.keyboard("jJJ");
  expect(bar().getByText("3 selected")).toBeVisible();
  await user.keyboard("K");
  expect(bar().getByText("2 selected")).toBeVisible();
  await user.keyboard("x");
  expect(bar().getByText("1 selected")).toBeVisible();
  expect(await tick("One")).toBeChecked();
});

it("takes rows out at once, and brings them back with the reason when the server refuses", async () => {
  const answer = gate((until) => {
    hold = until;
  });
  refusal = () => problem(409, "no_such_folder", "The mailbox has no folder for archived mail.");
  const { user } = open(INBOX);
  await line("One");
  await user.keyboard("jje");
  await noLine("Two");
  expect(await line("One")).toBeVisible();
  expect(screen.queryByText("Not archived")).toBeNull();
  answer();
  expect(await screen.findByText("The mailbox has no folder for archived mail.")).toBeVisible();
  expect(screen.getByText("Not archived")).toBeVisible();
  expect(await line("Two")).toBeVisible();
  expect(box.get("Two")?.place).toBe("inbox");
});

it("keeps a row away when an older list comes after the change", async () => {
  const { user } = open(INBOX);
  await line("One");
  const release = gate((until) => {
    slow = until;
  });
  act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "messages", account_id: "ana" }));
  await waitFor(() => expect(listed).toBe(2));
  await user.keyboard("je");
  expect(await screen.findByText("Message archived.")).toBeVisible();
  expect(moves()).toEqual([["archive", "inbox", ["One"]]]);
  // What that list would have told beside it is asked for again.
  await waitFor(() => expect(listed).toBe(3));
  box.set("Six", { place: "inbox", seen: true, flagged: false });
  slow = undefined;
  release();
  act(() => FakeEventSource.all.at(-1)?.say("topic", { topic: "messages", account_id: "ana" }));
  expect(await line("Six")).toBeVisible();
  await noLine("One");
});

it("changes what is chosen together, and undoes it by the button and by z", async () => {
  const { user } = open(INBOX);
  await user.click(await tick("One"));
  await user.click(await tick("Three"));
  await user.click(bar().getByRole("button", { name: "Delete" }));
  await noLine("One");
  await noLine("Three");
  expect(await screen.findByText("2 messages moved to Trash.")).toBeVisible();
  expect(screen.queryByRole("region", { name: "Selected messages" })).toBeNull();
  await user.click(screen.getByRole("button", { name: "Undo" }));
  expect(await line("One")).toBeVisible();
  expect(await line("Three")).toBeVisible();
  expect(await screen.findByText("2 messages moved back.")).toBeVisible();
  expect(undone).toEqual([
    { message: "One", from: "inbox", to: "trash" },
    { message: "Three", from: "inbox", to: "trash" },
  ]);
  (document.activeElement as HTMLElement).blur();
  await user.keyboard("j!");
  expect(await screen.findByText(/moved to Junk/)).toBeVisible();
  await user.keyboard("z");
  await waitFor(() => expect(undone).toEqual([{ message: "One", from: "inbox", to: "junk" }]));
  await user.keyboard("z");
  expect(await screen.findByText("There is nothing to undo.")).toBeVisible();
});

it("says what was not there any more instead of calling it done, and lists anew", async () => {
  const { user } = open(INBOX);
  await user.click(await tick("One"));
  await user.click(await tick("Three"));
  box.delete("Three");
  const before = listed;
  await user.click(bar().getByRole("button", { name: "Delete" }));
  expect(await screen.findByText("Message moved to Trash. One message is not there any more.")).toBeVisible();
  await waitFor(() => expect(listed).toBeGreaterThan(before));
  box.delete("One");
  await user.click(screen.getByRole("button", { name: "Undo" }));
  expect(await screen.findByText("One message is not there any more.")).toBeVisible();
  await user.click(await tick("Two"));
  box.delete("Two");
  await user.click(bar().getByRole("button", { name: "Flag" }));
  await waitFor(() => expect(screen.getAllByText("One message is not there any more.")).toHaveLength(2));
  await noLine("Two");
});

it("says what a change leaves alone", async () => {
  const { user } = open(INBOX);
  await line("One");
  kept = 2;
  await user.keyboard("je");
  expect(
    await screen.findByText("Message archived. 2 messages stayed: what was sent stays in Sent."),
  ).toBeVisible();
});

it("marks what is chosen, and keeps it chosen", async () => {
  const { user } = open(INBOX);
  await user.click(await tick("One"));
  await user.click(await tick("Two"));
  await user.keyboard("U");
  await waitFor(() => expect(screen.getAllByRole("img", { name: "Unread" })).toHaveLength(2));
  await user.click(bar().getByRole("button", { name: "Flag" }));
  await waitFor(() => expect(screen.getAllByRole("img", { name: "Flagged" })).toHaveLength(2));
  expect(bar().getByRole("button", { name: "Remove the flag" })).toBeVisible();
  expect(bar().getByRole("button", { name: "Mark as read" })).toBeVisible();
  await waitFor(() => expect(box.get("Two")).toMatchObject({ seen: false, flagged: true }));
  expect(bar().getByText("2 selected")).toBeVisible();
});

it("opens the next message after one is gone, and the list after the last", async () => {
  const { user, router } = open("/accounts/ana/mail/Four?folder=inbox&view=messages");
  expect(await screen.findByText("Text of Four")).toBeVisible();
  await line("Four");
  await user.keyboard("e");
  expect(await screen.findByText("Text of Five")).toBeVisible();
  await user.click(within(screen.getByRole("article")).getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ana/mail"));
  await waitFor(() =>
    expect(moves()).toEqual([
      ["archive", "inbox", ["Four"]],
      ["trash", "inbox", ["Five"]],
    ]),
  );
});

it("moves to a folder that is searched by name", async () => {
  const { user } = open(INBOX);
  await line("One");
  await user.keyboard("jv");
  const dialog = within(await screen.findByRole("dialog", { name: "Move 1 message to" }));
  await user.type(dialog.getByLabelText("Folder", { selector: "input" }), "off");
  expect(await dialog.findByRole("option", { name: /Offers/ })).toBeInTheDocument();
  expect(dialog.queryByRole("option", { name: /Trash/ })).toBeNull();
  await user.keyboard("{Enter}");
  await noLine("One");
  expect(await screen.findByText(/Message moved to .*Offers/)).toBeVisible();
  expect(box.get("One")?.place).toBe("offers");
});

it("asks before it deletes for good, and there is no way back", async () => {
  box.set("One", { place: "trash", seen: true, flagged: false });
  const { user } = open("/accounts/ana/mail?folder=trash&view=messages");
  await line("One");
  await user.keyboard("j#");
  const dialog = within(await screen.findByRole("dialog", { name: "Delete 1 message for good?" }));
  expect(asked).toEqual([]);
  await user.click(dialog.getByRole("button", { name: "Cancel" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(await line("One")).toBeVisible();
  await user.keyboard("#");
  await user.click(await screen.findByRole("button", { name: "Delete for good" }));
  expect(await screen.findByText("Message deleted for good.")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
  expect(gone).toEqual(["One"]);
});

it("does nothing while somebody types", async () => {
  const { user } = open(INBOX);
  await line("One");
  await user.keyboard("j");
  await user.type(screen.getByRole("searchbox", { name: "Search these emails" }), "e#!sxv");
  expect(asked).toEqual([]);
  expect(screen.queryByRole("dialog")).toBeNull();
});

it("shows all headers and the source", async () => {
  server.use(
    http.get(api("/messages/One/headers"), () =>
      HttpResponse.json({ items: [{ name: "X-Mailer", value: "Carrier pigeon" }] }),
    ),
    http.get(api("/messages/One/raw"), () =>
      HttpResponse.text(`Subject: Letter\r\n\r\n${"x".repeat(300_000)}`),
    ),
  );
  const { user } = open("/accounts/ana/mail/One?folder=inbox");
  expect(await screen.findByText("Text of One")).toBeVisible();
  await user.keyboard("h");
  expect(await screen.findByRole("row", { name: "X-Mailer Carrier pigeon" })).toBeVisible();
  await user.keyboard("h");
  expect(screen.queryByRole("region", { name: "Headers" })).toBeNull();
  await user.click(screen.getByRole("button", { name: "More for this message" }));
  await user.click(await screen.findByRole("menuitem", { name: "View the source" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Source of the message" }));
  expect(await dialog.findByText(/^Subject: Letter/)).toBeVisible();
  expect(dialog.getByText(/Only the beginning is shown/)).toBeVisible();
  expect(dialog.getByRole("link", { name: "Download" })).toHaveAttribute("href", "/api/v1/messages/One/raw");
});

const TALKS = "/accounts/ana/mail?folder=inbox";
const asks = () =>
  asked.map(({ threads, messages, from, action }) => [action.kind, from, threads ?? messages]);

/** Two, Four: a conversation of which one more was archived before; the others stand alone. */
function converse() {
  for (const id of ["Two", "Four"]) Object.assign(box.get(id) ?? {}, { thread: "t-2" });
  box.set("Old", { place: "archive", seen: true, flagged: false, thread: "t-2" });
}

it("chooses two conversations, archives all of them in the folder, and brings back what was moved", async () => {
  converse();
  const answer = gate((until) => {
    hold = until;
  });
  const { user } = open(TALKS);
  await user.click(await tick("One"));
  fireEvent.click(await line("Two"), { shiftKey: true });
  expect(bar("conversations").getByText("2 selected")).toBeVisible();
  await user.click(bar("conversations").getByRole("button", { name: "Archive" }));
  await noLine("One");
  await noLine("Two");
  expect(await line("Three")).toBeVisible();
  expect(screen.queryByRole("region", { name: "Selected conversations" })).toBeNull();
  answer();
  expect(await screen.findByText("3 messages archived.")).toBeVisible();
  expect(asks()).toEqual([["archive", "inbox", ["t-One", "t-2"]]]);
  await noLine("Two");
  await user.click(screen.getByRole("button", { name: "Undo" }));
  expect(await line("One")).toBeVisible();
  expect(await line("Two")).toBeVisible();
  expect(await screen.findByText("3 messages moved back.")).toBeVisible();
  // What lay there before stays there.
  expect([...box].map(([id, { place }]) => [id, place])).toContainEqual(["Old", "archive"]);
  expect(undone.map(({ message, to }) => [message, to])).toEqual([
    ["One", "archive"],
    ["Two", "archive"],
    ["Four", "archive"],
  ]);
});

it("brings conversations back with the reason when the server refuses", async () => {
  const answer = gate((until) => {
    hold = until;
  });
  refusal = () => problem(409, "no_such_folder", "The mailbox has no folder for archived mail.");
  const { user } = open(TALKS);
  await line("One");
  await user.keyboard("jxJe");
  await noLine("One");
  await noLine("Two");
  answer();
  expect(await screen.findByText("The mailbox has no folder for archived mail.")).toBeVisible();
  expect(await line("One")).toBeVisible();
  expect(await line("Two")).toBeVisible();
  expect(box.get("One")?.place).toBe("inbox");
});

it("marks conversations by key, and keeps them chosen", async () => {
  converse();
  const { user } = open(TALKS);
  await line("Two");
  await user.keyboard("jjxJ");
  expect(bar("conversations").getByText("2 selected")).toBeVisible();
  await user.keyboard("U");
  expect(await screen.findByRole("img", { name: "3 unread" })).toBeVisible();
  expect(await screen.findByRole("img", { name: "Unread" })).toBeVisible();
  await user.keyboard("s");
  await waitFor(() => expect(screen.getAllByRole("img", { name: "Flagged" })).toHaveLength(2));
  await user.keyboard("I");
  await waitFor(() => expect(screen.queryByRole("img", { name: /unread/ })).toBeNull());
  await waitFor(() => expect(box.get("Four")).toMatchObject({ seen: true, flagged: true }));
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("region", { name: "Selected conversations" })).toBeNull();
  await user.keyboard("x");
  await user.click(bar("conversations").getByRole("button", { name: "Select all 4" }));
  expect(bar("conversations").getByText("4 selected")).toBeVisible();
  await user.keyboard("{Escape}");
  // Nothing chosen, nothing open: the marked row.
  await user.keyboard("v");
  expect(await screen.findByRole("dialog", { name: "Move 1 conversation to" })).toBeVisible();
});

it("opens the next conversation after the open one is gone, and the list after the last", async () => {
  const { user, router } = open("/accounts/ana/mail/Four?folder=inbox");
  expect(await screen.findByText("Text of Four")).toBeVisible();
  await line("Four");
  await user.keyboard("e");
  expect(await screen.findByText("Text of Five")).toBeVisible();
  await noLine("Four");
  // Chosen in the list, it is the one that is open, too.
  await user.click(await tick("Five"));
  await user.keyboard("#");
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts/ana/mail"));
  await waitFor(() =>
    expect(asks()).toEqual([
      ["archive", "inbox", ["Four"]],
      ["trash", "inbox", ["t-Five"]],
    ]),
  );
});

it("changes no conversation by key while its message is still on the way", async () => {
  server.use(http.get(api("/messages/Two"), () => new Promise<Response>(() => {})));
  const { user } = open("/accounts/ana/mail/Two?folder=inbox");
  await line("One");
  await user.keyboard("je");
  expect(await screen.findByText("The message is not here yet.")).toBeVisible();
  expect(asked).toEqual([]);
});

it("in all folders a conversation stays, and lies elsewhere", async () => {
  converse();
  const { user } = open("/accounts/ana/mail");
  await line("Two");
  await user.keyboard("jje");
  expect(await screen.findByText(/archived\.$/)).toBeVisible();
  expect(asks()).toEqual([["archive", null, ["t-2"]]]);
  expect(await line("Two")).toBeVisible();
});

it("asks before what lies of a conversation in Trash is deleted for good", async () => {
  converse();
  Object.assign(box.get("Two") ?? {}, { place: "trash" });
  const { user } = open("/accounts/ana/mail?folder=trash");
  await line("Two");
  await user.keyboard("j#");
  const dialog = within(await screen.findByRole("dialog", { name: "Delete 1 conversation for good?" }));
  expect(dialog.getByText(/^What lies in Trash or in Junk goes/)).toBeVisible();
  await user.click(dialog.getByRole("button", { name: "Delete for good" }));
  await noLine("Two");
  expect(gone).toEqual(["Two"]);
  expect(box.get("Four")?.place).toBe("inbox");
});
