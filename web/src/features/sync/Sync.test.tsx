import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, it } from "vitest";
import { account, api, folder, open, problem, server, stream } from "../../../test/world";
import type { Account, Folder } from "../../api/client";

const sent: [string, unknown][] = [];
let ana: Account;
let folders: Folder[];
/** Messages that disappear with what is left out. */
let removed: number;

beforeEach(() => {
  sent.length = 0;
  removed = 0;
  ana = account("ana");
  folders = [
    folder("in", { name: "INBOX", role: "inbox", selected: true, messages: 12, server_messages: 1204 }),
    folder("out", { name: "Gesendet", role: "sent", selected: true, messages: 2 }),
    folder("ar", { name: "Archive", role: "archive" }),
  ];
  server.use(
    http.get(api("/accounts/ana"), () => HttpResponse.json(ana)),
    http.get(api("/accounts/ana/folders"), () => HttpResponse.json({ items: folders })),
    http.patch(api("/accounts/ana"), async ({ request }) => {
      const change = (await request.json()) as Partial<Account>;
      sent.push(["account", change]);
      ana = { ...ana, ...change };
      return HttpResponse.json(ana);
    }),
    http.patch(api("/accounts/ana/folders"), async ({ request }) => {
      const change = (await request.json()) as {
        folders: { id: string; selected?: boolean; role?: Folder["role"] }[];
        dry_run: boolean;
      };
      sent.push(["folders", change]);
      const wanted = (id: string) => change.folders.find((each) => each.id === id);
      const items = folders.map((each) => {
        const choice = wanted(each.id);
        const hand = choice?.role === undefined ? each.role_by_hand : choice.role;
        const selected = choice?.selected ?? each.selected;
        return { ...each, selected, role_by_hand: hand, role: hand ?? each.server_role };
      });
      if (!change.dry_run) folders = items;
      return HttpResponse.json({ removed_messages: removed, moved_roles: [], items });
    }),
  );
});

async function choose(user: ReturnType<typeof open>["user"], label: string, option: string) {
  await user.click(await screen.findByRole("combobox", { name: label }));
  await user.click(await screen.findByRole("option", { name: option }));
}

function section() {
  return within(screen.getByRole("region", { name: "Sync" }));
}

it("saves only what was changed, and shows it at once", async () => {
  const { user } = open("/accounts/ana/settings");
  await choose(user, "Sync frequency", "Every 15 minutes");
  await choose(user, "Mail to import", "Everything");
  expect(screen.getByText("The older mail is imported as soon as this is saved.")).toBeVisible();
  await user.click(screen.getByRole("checkbox", { name: /Archive/ }));
  expect(screen.getByText(/^3 of 3 folders chosen/)).toBeVisible();
  await user.click(section().getByRole("button", { name: "Save changes" }));
  expect(await screen.findByText("Saved. It counts at once.")).toBeVisible();
  expect(sent).toEqual([
    ["account", { sync_minutes: 15, import_days: 0 }],
    ["folders", { folders: [{ id: "ar", selected: true }], dry_run: false }],
  ]);
  expect(screen.getByRole("combobox", { name: "Sync frequency" })).toHaveValue("Every 15 minutes");
  expect(section().getByRole("button", { name: "Save changes" })).toBeDisabled();
});

it("tells that a shorter time takes nothing away", async () => {
  const { user } = open("/accounts/ana/settings");
  await choose(user, "Mail to import", "Last 7 days");
  expect(screen.getByText(/Nothing is removed: mail that is here stays/)).toBeVisible();
});

it("asks with the number before messages disappear", async () => {
  removed = 7;
  const { user } = open("/accounts/ana/settings");
  expect(await screen.findByRole("checkbox", { name: /INBOX/ })).toBeDisabled();
  const box = screen.getByRole("checkbox", { name: /Gesendet.*Sent mail/ });
  await user.click(box);
  await user.click(section().getByRole("button", { name: "Save changes" }));
  const dialog = await screen.findByRole("dialog", { name: "Leave out this folder?" });
  expect(within(dialog).getByText("7 messages")).toBeVisible();
  await user.click(within(dialog).getByRole("button", { name: "Cancel" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  expect(box).not.toBeChecked();
  await user.click(section().getByRole("button", { name: "Save changes" }));
  await user.click(await screen.findByRole("button", { name: "Leave out and save" }));
  expect(await screen.findByText("Saved. It counts at once.")).toBeVisible();
  const change = { folders: [{ id: "out", selected: false }] };
  expect(sent).toEqual([
    ["folders", { ...change, dry_run: true }],
    ["folders", { ...change, dry_run: true }],
    ["folders", { ...change, dry_run: false }],
  ]);
});

it("asks nothing when nothing disappears", async () => {
  const { user } = open("/accounts/ana/settings");
  await user.click(await screen.findByRole("checkbox", { name: /Gesendet/ }));
  await user.click(section().getByRole("button", { name: "Save changes" }));
  expect(await screen.findByText("Saved. It counts at once.")).toBeVisible();
  expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
});

it("keeps what was chosen when it is refused, and shows it at its field", async () => {
  server.use(
    http.patch(api("/accounts/ana"), () =>
      problem(422, "validation_failed", "One field needs your attention.", {
        fields: [{ field: "import_days", code: "invalid", message: "1 to 3650 days, or 0 for everything." }],
      }),
    ),
  );
  const { user } = open("/accounts/ana/settings");
  await choose(user, "Mail to import", "Last year");
  await user.click(section().getByRole("button", { name: "Save changes" }));
  expect(await screen.findAllByText("1 to 3650 days, or 0 for everything.")).toHaveLength(2);
  expect(screen.getByRole("combobox", { name: "Mail to import" })).toHaveValue("Last year");
  expect(section().getByRole("button", { name: "Save changes" })).toBeEnabled();
});

it("shows the server's words for a folder that does not open", async () => {
  folders = [
    ...folders,
    folder("x", { name: "Shared", selected: true, refused: "[NOPERM] Permission denied" }),
  ];
  open("/accounts/ana/settings");
  expect(await screen.findByText("[NOPERM] Permission denied")).toBeVisible();
  expect(screen.getByText(/The mail server does not open this folder/)).toBeVisible();
});

it("finds one of many folders", async () => {
  folders = [
    ...folders,
    ...Array.from({ length: 200 }, (_, index) => folder(`f${index}`, { name: `Customers/${index}` })),
  ];
  const { user } = open("/accounts/ana/settings");
  await user.type(await screen.findByRole("textbox", { name: "Find a folder" }), "rs/17{Enter}");
  expect(within(screen.getByRole("list", { name: "Folders" })).getAllByRole("listitem")).toHaveLength(11);
  await user.click(screen.getByRole("checkbox", { name: /Customers\/17\b/ }));
  expect(screen.getByText(/^3 of 203 folders chosen/)).toBeVisible();
  expect(sent).toEqual([]);
});

it("says that the list is on its way, or why it is not", async () => {
  folders = [];
  open("/accounts/ana/settings");
  expect(await screen.findByText(/The list of folders is being read from the mail server/)).toBeVisible();
});

it("has nothing to choose for an account that only sends", async () => {
  ana = { ...ana, imap: null };
  open("/accounts/ana/settings");
  expect(await screen.findByText("This account only sends: there is no mailbox to copy.")).toBeVisible();
});

it("keeps the defaults when the page after connecting is saved as it is", async () => {
  const { user, router } = open("/accounts/ana/start");
  expect(await screen.findByRole("heading", { name: "How it is kept in sync" })).toBeVisible();
  await screen.findByRole("checkbox", { name: /Archive/ });
  await user.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts"));
  expect(sent).toEqual([]);
});

it("tests what is saved, and saves what was chosen after connecting", async () => {
  const bodies: unknown[] = [];
  server.use(
    http.post(api("/accounts/ana/test"), async ({ request }) => {
      bodies.push(await request.json());
      const test = stream();
      test.say("done", { ok: true, imap_ok: true, smtp_ok: true });
      test.end();
      return test.response();
    }),
  );
  const { user, router } = open("/accounts/ana/start");
  await user.click(await screen.findByRole("button", { name: "Test connection" }));
  expect(await screen.findByText("Receiving and sending work.")).toBeVisible();
  expect(bodies).toEqual([{}]);
  await choose(user, "Sync frequency", "Every hour");
  expect(screen.getByRole("link", { name: "Keep the defaults" })).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/accounts"));
  expect(sent).toEqual([["account", { sync_minutes: 60 }]]);
});

it("gives a folder another use, and takes it from the one that had it", async () => {
  const { user } = open("/accounts/ana/settings");
  const archive = await screen.findByRole("combobox", { name: "Used for, Archive" });
  expect(archive).toHaveDisplayValue("By the server: Archive");
  expect(screen.queryByRole("combobox", { name: "Used for, INBOX" })).toBeNull();
  await user.selectOptions(archive, "Sent mail");
  expect(screen.getByText("Sent mail is taken from Gesendet.")).toBeVisible();
  const before = screen.getByRole("combobox", { name: "Used for, Gesendet" });
  expect(before).toHaveDisplayValue("By the server: Sent mail (taken)");
  await user.click(section().getByRole("button", { name: "Save changes" }));
  expect(await screen.findByText("Saved. It counts at once.")).toBeVisible();
  expect(sent).toEqual([["folders", { folders: [{ id: "ar", role: "sent" }], dry_run: false }]]);

  // What was given by hand is given on, and then back to the server's word.
  sent.length = 0;
  await user.selectOptions(before, "Sent mail");
  expect(archive).toHaveDisplayValue("By the server: Archive");
  await user.click(section().getByRole("button", { name: "Save changes" }));
  await waitFor(() => expect(sent).toHaveLength(1));
  const folders = [
    { id: "ar", role: null },
    { id: "out", role: "sent" },
  ];
  expect(sent).toEqual([["folders", { folders, dry_run: false }]]);
});
