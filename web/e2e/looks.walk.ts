/** Every page and dialog, light and dark, on a large and on a small screen: axe finds nothing serious, and a picture is kept. */
import type { Page } from "@playwright/test";
import { choose, field, fillServer, rowOf } from "./support/forms";
import type { Mailbox } from "./support/lab";
import { eachWidth, look } from "./support/look";
import { hostile, plain } from "./support/mails";
import { asOwner, connect, untilLive } from "./support/owner";
import { FIRST, States } from "./support/states";
import { expect, type House, test } from "./support/test";

interface World {
  ana: { mailbox: Mailbox; id: string };
  chloe: { mailbox: Mailbox; id: string };
}

/** Accounts in several states, with mail, and with messages of several fates. */
async function settle(page: Page, house: House): Promise<World> {
  const { lab } = house;
  const ana = await lab.addUser("ana.diaz");
  const sales = await lab.addUser("sales");
  const chloe = await lab.addUser("chloe.martin");
  await lab.deliver(ana, plain("Lunch on Thursday?", "Hi Ana,\n\nare you free on Thursday?\n\nCleo"));
  await lab.deliver(ana, hostile("Your quote", house.images.url));
  const id = await connect(page, house, ana, "Ana Diaz");
  await connect(page, house, sales, "Acme Sales", house.imapGate.port);
  const chloeId = await connect(page, house, chloe, "Chloé Martin");
  house.secrets.add("changed by Chloé");
  await untilLive(page, chloeId);
  await lab.changePassword(chloe, "changed by Chloé");
  for (const [to, subject] of [
    [sales.address, "Offer for your team"],
    ["reject.me@else.test", "Invoice 2026-114"],
    ["tempfail@else.test", "Minutes of Monday"],
  ]) {
    const answer = await page.request.post(`/api/v1/accounts/${id}/outgoing`, {
      headers: { "idempotency-key": crypto.randomUUID() },
      data: { to, subject, body: "Hello." },
    });
    expect(answer.status(), await answer.text()).toBe(202);
  }
  return { ana: { mailbox: ana, id }, chloe: { mailbox: chloe, id: chloeId } };
}

async function before(page: Page, { posthouse }: House): Promise<void> {
  await page.goto(posthouse.link);
  await expect(page.getByLabel("Your name")).toBeVisible();
  await look(page, "setup");
  await page.getByRole("button", { name: "Create workspace" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "setup-errors");
}

async function signIn(page: Page, house: House): Promise<void> {
  await asOwner(page, house);
  const { cookies } = await page.context().storageState();
  await page.context().clearCookies();
  await page.goto("/sign-in");
  await expect(page.getByLabel("Email")).toBeVisible();
  await look(page, "sign-in");
  await page.context().addCookies(cookies);
  await page.goto("/accounts");
  await expect(page.getByRole("heading", { name: "No account is connected yet" })).toBeVisible();
  await look(page, "accounts-empty");
}

async function list(page: Page, { imapGate }: House, { ana, chloe }: World): Promise<void> {
  imapGate.close();
  await page.goto("/accounts");
  await expect(rowOf(page, ana.mailbox.address)).toContainText("Connected");
  await expect(rowOf(page, chloe.mailbox.address)).toContainText("Reconnect required");
  await expect(rowOf(page, "sales")).toContainText("Disconnected");
  await look(page, "accounts");
  await page.getByRole("button", { name: `Actions for ${chloe.mailbox.address}` }).click();
  await expect(page.getByRole("menuitem", { name: "Delete" })).toBeVisible();
  await look(page, "account-menu");
  await page.keyboard.press("Escape");
  await choose(page, ana.mailbox.address, "Delete");
  await expect(page.getByRole("dialog").getByText(/messages? \(/)).toBeVisible();
  await look(page, "delete");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await look(page, "shortcuts");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog", { name: "Find and do" }).getByRole("textbox")).toBeFocused();
  await look(page, "palette");
  await page.goto("/accounts?search=nobody");
  await expect(page.getByRole("heading", { name: "No account matches" })).toBeVisible();
  await look(page, "accounts-no-match");
}

/** A search for servers and its ends. The answers are made up: what other people's servers say changes. */
async function discovery(page: Page): Promise<void> {
  let answer = "";
  const looked = (place: string, asked: string, outcome: string, words: string) =>
    ({ place, asked, outcome, took_ms: 31, words }) as const;
  const server = (host: string, port: number, answered: boolean) => ({
    host,
    port,
    encryption: "tls",
    usernames: ["ben@old.test"],
    sign_in: ["password"],
    answered,
  });
  const places = [
    looked("domain_table", "old.test", "nothing", "The table does not have it."),
    looked("mx", "old.test", "found", "mx1.hosting-of-a-very-long-name.example takes its mail."),
    looked(
      "autoconfig",
      "https://autoconfig.old.test/mail/config-v1.1.xml",
      "failed",
      "Nothing answers there.",
    ),
    looked("guess", "imap.old.test, mail.old.test", "timed_out", "No answer in time."),
  ];
  const found = {
    kind: "custom",
    provider: null,
    notes: ["Make an app password: open id.old.test/security, App passwords.", "Then enter it here."],
    source: "From the domain's service records (SRV).",
    imap: server("imap.hosting-of-a-very-long-name.example", 993, true),
    smtp: server("smtp.hosting-of-a-very-long-name.example", 465, false),
    doubt:
      "The SRV record of your domain leads to servers of hosting-of-a-very-long-name.example. Such records can be forged on the way.",
  };
  const microsoft = { ...found, kind: null, provider: "Microsoft 365", doubt: null };
  const done = (all: unknown[]) => `event: done\ndata: ${JSON.stringify({ found: all, looked: places })}\n\n`;
  await page.route("**/api/v1/accounts/discover", (route) =>
    route.fulfill({ contentType: "text/event-stream", body: answer }),
  );
  const ask = async (body: string) => {
    answer = body;
    await page.goto("/accounts/add");
    await page.getByLabel("Email address").fill("ben@old.test");
    await page.getByRole("button", { name: "Find servers" }).click();
  };
  await ask(done([found, microsoft, { ...found, provider: "Old Host", doubt: null, smtp: null }]));
  await expect(page.getByRole("heading", { name: "Other servers that were found" })).toBeVisible();
  await page.getByText(/^Where Posthouse looked/).click();
  await look(page, "add-found");
  await ask(done([]));
  await expect(page.getByText("No servers were found.")).toBeVisible();
  await look(page, "add-nothing");
  await ask("");
  await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
  await look(page, "add-cut-off");
  await page.unroute("**/api/v1/accounts/discover");
}

async function add(page: Page, { lab, imapGate }: House, { ana }: World): Promise<void> {
  await page.goto("/accounts/add");
  await expect(page.getByRole("link", { name: /Custom SMTP/ })).toBeVisible();
  await look(page, "add");
  await discovery(page);
  await page.goto("/accounts/add/icloud");
  await page.getByLabel("Email address").fill("ben.kim@icloud.com");
  await expect(page.getByText("imap.mail.me.com, smtp.mail.me.com")).toBeVisible();
  await look(page, "add-icloud");
  await page.getByText("Servers", { exact: true }).click();
  await page.getByRole("button", { name: "Save account" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "add-icloud-errors");
  await page.goto("/accounts/add/imap");
  await page.getByRole("switch", { name: "Also send from this address" }).check();
  await expect(field(page, "smtp", "host")).toBeVisible();
  await look(page, "add-imap");
  await page.goto("/accounts/add/custom");
  await page.getByLabel("Email address").fill("ben.kim@lab.test");
  await page.getByLabel("Display name").fill("Ben Kim");
  await fillServer(page, "smtp", { host: "localhost", port: lab.ports.submission });
  await fillServer(page, "imap", { host: "localhost", port: imapGate.port });
  await look(page, "add-custom");
  await page.getByRole("button", { name: "Save account" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "add-custom-errors");
  await field(page, "smtp", "password").fill("not the password");
  imapGate.shut();
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("Encrypting")).toBeVisible();
  await look(page, "add-custom-running");
  imapGate.open();
  await expect(page.getByText("The steps marked above failed.")).toBeVisible();
  await look(page, "add-custom-failed");
  await field(page, "smtp", "username").fill(ana.mailbox.address);
  await field(page, "smtp", "password").fill(ana.mailbox.password);
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("Receiving and sending work.")).toBeVisible();
  await look(page, "add-custom-passed");
}

async function account(page: Page, { ana, chloe }: World): Promise<void> {
  await page.goto(`/accounts/${ana.id}/mail`);
  await page
    .getByRole("link", { name: /Your quote/ })
    .first()
    .click();
  await expect(page.frameLocator("iframe").getByText("Your quote is ready.")).toBeVisible();
  await look(page, "message");
  await page.getByRole("button", { name: "Show remote images" }).click();
  const banner = page.frameLocator("iframe").getByRole("img", { name: "Banner" });
  // A drawing that the program made in its place.
  await expect
    .poll(() => banner.evaluate((image: HTMLImageElement) => image.naturalWidth))
    .toBeGreaterThan(1);
  await look(page, "message-no-images");
  await page.goto(`/accounts/${ana.id}/mail`);
  await expect(page.getByRole("link", { name: /Lunch on Thursday/ })).toBeVisible();
  await look(page, "mail");
  await page.goto(`/accounts/${ana.id}/outbox`);
  await expect(page.getByRole("article").filter({ hasText: "Offer for your team" })).toContainText("Sent");
  await expect(page.getByRole("article").filter({ hasText: "Invoice" })).toContainText("Failed");
  await expect(page.getByRole("article").filter({ hasText: "Minutes" })).toContainText("Next attempt");
  await look(page, "outbox");
  await page.goto(`/accounts/${ana.id}/sync`);
  await expect(page.getByRole("row", { name: /Success/ }).first()).toBeVisible();
  await look(page, "sync");
  await page.goto(`/accounts/${chloe.id}/settings`);
  await expect(page.getByText("Reconnect required").first()).toBeVisible();
  await look(page, "settings");
  await page.goto(`/accounts/${chloe.id}/reconnect`);
  await expect(page.getByRole("heading", { name: "Reconnect", exact: true })).toBeVisible();
  await look(page, "reconnect");
  await page.goto(`/accounts/${ana.id}/mail`);
  await page.getByRole("button", { name: "Send email" }).click();
  const panel = page.getByRole("dialog", { name: "Send email" });
  await panel.getByRole("button", { name: "Send", exact: true }).click();
  await expect(panel.getByRole("alert")).toBeVisible();
  await look(page, "send-errors");
  await panel.getByLabel("To").fill("Ben Kim <ben@else.test>");
  await panel.getByLabel("Subject").fill("Offer for your team");
  await look(page, "send");
  await panel.getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("dialog", { name: "Discard this message?" })).toBeVisible();
  await look(page, "send-discard");
  await page.getByRole("button", { name: "Discard" }).click();
  await sent(page, ana.mailbox.address);
  await page.goto("/accounts/00000000-0000-7000-8000-000000000000/mail");
  await expect(page.locator("main").getByRole("heading").first()).toBeVisible();
  await look(page, "not-found");
}

/** What floats: a notice of a message under way, and the menu of the person. */
/** Under the bell, and the page of its settings. */
async function notices(page: Page, house: House): Promise<void> {
  await page.goto("/accounts");
  await page.getByRole("button", { name: "Notifications", exact: true }).click();
  await expect(page.getByText("Nothing to tell")).toBeVisible();
  await look(page, "notices-empty");
  await page.keyboard.press("Escape");
  const chloe = await house.lab.addUser("chloe.martin");
  const id = await connect(page, house, chloe, "Chloé Martin");
  house.secrets.add("changed by Chloé");
  await untilLive(page, id);
  await house.lab.changePassword(chloe, "changed by Chloé");
  await page.getByRole("button", { name: "Notifications, 1 unread" }).click();
  const panel = page.getByRole("dialog", { name: "Notifications" });
  await expect(panel.getByRole("article")).toContainText("needs to be reconnected");
  await look(page, "notices");
  await panel.getByRole("link", { name: "Notification settings" }).click();
  await expect(page.getByRole("heading", { name: "Who writes it" })).toBeVisible();
  await expect(panel).toBeHidden();
  await look(page, "notifications");
  const one = {
    kind: "outage",
    text: "The server did not answer in time. 12 of 200 work again.",
    fix: "Check server and port. If they are right the server may be down; we try again by ourselves.",
    server_words: "* BYE Temporary failure, please come back later".repeat(4),
    host: "imap.old.test",
    state: "disconnected",
    reason: "timed_out",
    account_count: 200,
    working_count: 12,
    accounts: [1, 2, 3].map((n) => ({ id: FIRST, address: `a.very.long.name.of.an.address.${n}@old.test` })),
    began_at: "2026-11-20T10:00:00.000Z",
    created_at: "2026-11-20T10:15:00.000Z",
    resolved_at: null,
    read: false,
  };
  const items = [
    { ...one, id: "4", title: "200 accounts cannot reach imap.old.test" },
    {
      ...one,
      id: "3",
      kind: "recovered",
      title: "ben@old.test works again",
      text: "",
      fix: "",
      server_words: null,
      account_count: 1,
      accounts: one.accounts.slice(0, 1),
      resolved_at: one.created_at,
      state: null,
    },
    {
      ...one,
      id: "2",
      title: "ben@old.test is disconnected",
      account_count: 1,
      resolved_at: one.created_at,
      read: true,
    },
    {
      ...one,
      id: "1",
      kind: "app_configuration",
      title: "The app Acme sign-in is refused by its provider",
      accounts: [],
      account_count: 0,
      state: null,
      server_words: "invalid_client",
      read: true,
    },
  ];
  await page.route("**/api/v1/notices?*", (route) =>
    route.fulfill({ json: { items, next_cursor: "x", unread: 100 } }),
  );
  await page.goto("/accounts");
  await page.getByRole("button", { name: "Notifications, more than 99 unread" }).click();
  await expect(panel.getByRole("article")).toHaveCount(4);
  await look(page, "notices-odd");
  await page.unroute("**/api/v1/notices?*");
}

async function sent(page: Page, to: string): Promise<void> {
  await page.getByRole("button", { name: "Send email" }).click();
  await page.getByLabel("To").fill(to);
  await page.getByLabel("Subject").fill("A note to myself");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(page.getByRole("link", { name: "Show in outbox" })).toBeVisible();
  await look(page, "toast");
  const menu = page.getByRole("button", { name: "Open the menu" });
  if (await menu.isVisible()) await menu.click();
  await page.getByRole("button", { name: /account menu/ }).click();
  await expect(page.getByRole("menuitem", { name: "Sign out" })).toBeVisible();
  await look(page, "user-menu");
}

async function waiting(page: Page, states: States): Promise<void> {
  const mail = `/accounts/${FIRST}/mail`;
  states.moods = { accounts: "holds", summary: "holds" };
  await page.goto("/accounts");
  await expect(page.locator("table[aria-busy=true]")).toBeVisible();
  await look(page, "accounts-loading");
  states.calm();
  await expect(page.getByRole("link", { name: "Box 0", exact: true })).toBeVisible();
  await look(page, "accounts-one");
  states.moods = { account: "holds" };
  await page.getByRole("link", { name: "Box 0", exact: true }).click();
  await expect(page.getByRole("progressbar", { name: "Loading the page" })).toBeVisible();
  await expect(page.getByText("Still waiting for the server")).toBeVisible();
  await look(page, "account-loading");
  states.moods = { threads: "holds" };
  await page.goto(mail);
  await expect(page.getByLabel("Loading conversations")).toBeVisible();
  await look(page, "mail-loading");
  states.calm();
  states.moods = { message: "holds", outgoing: "holds" };
  await page.getByRole("link", { name: /Letter 0/ }).click();
  await expect(page.getByLabel("Loading the message")).toBeVisible();
  await look(page, "message-loading");
  await page.goto(`/accounts/${FIRST}/outbox`);
  await expect(page.getByLabel("Loading the outbox")).toBeVisible();
  await look(page, "outbox-loading");
  states.calm();
}

async function broken(page: Page, states: States): Promise<void> {
  const all = { accounts: "fails", threads: "refuses", message: "refuses", outgoing: "refuses" } as const;
  for (const [name, path, words] of [
    ["accounts", "/accounts", "The accounts could not be loaded"],
    ["mail", `/accounts/${FIRST}/mail`, "The mail could not be loaded"],
    ["message", `/accounts/${FIRST}/mail/${FIRST}`, "The message could not be loaded"],
    ["outbox", `/accounts/${FIRST}/outbox`, "The outbox could not be loaded"],
    ["settings", `/accounts/${FIRST}/settings`, "This page could not be shown"],
  ] as const) {
    states.moods = name === "settings" ? { account: "fails" } : all;
    await page.goto(path);
    await expect(page.getByRole("heading", { name: words })).toBeVisible();
    await look(page, `${name}-error`);
  }
  states.calm();
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
}

/** Nothing there yet, and a single row. */
async function few(page: Page, states: States): Promise<void> {
  const mail = `/accounts/${FIRST}/mail`;
  const outbox = `/accounts/${FIRST}/outbox`;
  for (const [rows, name] of [
    ["none", "empty"],
    ["one", "one"],
  ] as const) {
    states.rows = rows;
    await page.goto(mail);
    const mailThere =
      rows === "one" ? page.getByRole("link", { name: /Letter 0/ }) : page.getByText("No mail in");
    await expect(mailThere).toBeVisible();
    await look(page, `mail-${name}`);
    await page.goto(outbox);
    const sentThere = rows === "one" ? page.getByRole("article") : page.getByText("Nothing was sent");
    await expect(sentThere).toBeVisible();
    await look(page, `outbox-${name}`);
  }
}

async function many(page: Page, states: States): Promise<void> {
  states.rows = "many";
  await page.goto(`/accounts/${FIRST}/mail`);
  await expect(page.getByRole("link", { name: /Letter 4\b/ })).toBeVisible();
  await look(page, "mail-many");
  await page.goto(`/accounts/${FIRST}/outbox`);
  await expect(page.getByRole("article").first()).toContainText("Queued");
  await look(page, "outbox-many");
  await page.getByRole("button", { name: "It was not sent" }).click();
  await expect(page.getByRole("dialog", { name: "Mark as not sent?" })).toBeVisible();
  await look(page, "outbox-uncertain");
  await page.goto("/accounts");
  await expect(page.getByRole("link", { name: "Box 0", exact: true })).toBeVisible();
  await look(page, "accounts-many");
  await page.getByRole("checkbox", { name: "Select box1@old.test" }).check();
  await look(page, "accounts-selected");
  await page.getByRole("button", { name: "Select all 3,000 that match" }).click();
  await page
    .getByRole("region", { name: "Selected accounts" })
    .getByRole("button", { name: "Delete" })
    .click();
  await expect(page.getByText("2,985 accounts will be deleted for good.")).toBeVisible();
  await look(page, "accounts-bulk-delete");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Clear the selection" }).click();
  await page.getByRole("button", { name: "Rename or remove tags" }).click();
  await expect(page.getByRole("dialog", { name: "Tags" })).toBeVisible();
  await look(page, "tags-none");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(await page.locator("tbody tr").count(), "rows that exist").toBeLessThan(60);
  await page.mouse.move(600, 400);
  const top = await page.locator("thead").evaluate((head) => head.getBoundingClientRect().top);
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  const last = page.getByRole("link", { name: "Box 2999", exact: true });
  // Each page of the list is fetched when its place comes into view.
  await expect
    .poll(async () => {
      await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
      return last.isVisible();
    })
    .toBe(true);
  const header = page.locator("thead th").first();
  expect(await header.evaluate((cell) => cell.getBoundingClientRect().top)).toBeLessThanOrEqual(top);
  await expect(header).toBeInViewport();
  await look(page, "accounts-many-end");
}

async function odd(page: Page, states: States): Promise<void> {
  states.rows = "odd";
  await page.goto("/accounts");
  await expect(page.getByText("importing 12,345 of 1,234,567")).toBeVisible();
  await page.evaluate(() => window.scrollTo(0, 0));
  await look(page, "accounts-odd");
  await page.getByRole("button", { name: "receiving: login refused" }).click();
  await expect(page.getByRole("dialog").getByText("What to do:")).toBeVisible();
  await look(page, "accounts-why");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "receiving: login refused" })).toBeFocused();
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog", { name: "Find and do" }).getByRole("textbox").fill("box");
  await expect(page.getByRole("dialog").getByText("box1@old.test")).toBeVisible();
  await look(page, "palette-odd");
  await page.goto(`/accounts/${FIRST}/mail`);
  await expect(page.getByRole("link", { name: /Letter 4/ })).toBeVisible();
  // What turns the text ends with it: neither the date nor the preview beside it is touched.
  const turned = page.getByRole("link").filter({ hasText: /Offer/ }).locator("span", { hasText: "\u202E" });
  await expect(turned.last()).toBeVisible();
  const apart = turned.evaluateAll((all) =>
    all.every((each) => each.closest("[dir=auto], bdi") || each.querySelector("[dir=auto], bdi")),
  );
  expect(await apart, "each stands in an element of its own direction").toBe(true);
  const kept = page.locator("a [dir=auto]").filter({ hasText: "\u202E" });
  for (const each of await kept.all()) await expect(each).toHaveCSS("unicode-bidi", /isolate|plaintext/);
  await look(page, "mail-odd");
  await page.goto(`/accounts/${FIRST}/mail/${FIRST}`);
  await page.getByRole("button", { name: "Show all of the subject" }).click();
  await page.getByRole("button", { name: "Show less" }).click();
  await look(page, "message-odd");
  await page.goto(`/accounts/${FIRST}/mail/${FIRST.slice(0, -6)}000063`);
  await expect(page.getByRole("heading", { name: "Letter 63" })).toBeVisible();
  const line = page.getByRole("link", { name: /Letter 63/ });
  if ((page.viewportSize()?.width ?? 0) >= 1200) await expect(line).toBeInViewport();
  await page.goto(`/accounts/${FIRST}/outbox`);
  await expect(page.getByRole("article").first()).toContainText("Failed");
  await look(page, "outbox-odd");
  await page.goto(`/accounts/${FIRST}/settings`);
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
  await look(page, "settings-odd");
  await page.goto(`/accounts/${FIRST.slice(0, -6)}000001/settings`);
  await page.getByLabel("Provider name").scrollIntoViewIfNeeded();
  await look(page, "settings-right-to-left");
  await page.getByRole("button", { name: "Send email" }).click();
  await expect(page.getByRole("dialog", { name: "Send email" })).toBeVisible();
  await look(page, "send-right-to-left");
}

eachWidth(() => {
  test("every page and dialog", async ({ page, house }) => {
    test.slow();
    await test.step("before signing in", () => before(page, house));
    await test.step("signing in, and nothing there yet", () => signIn(page, house));
    const world = await settle(page, house);
    await test.step("connecting", () => add(page, house, world));
    await test.step("the list and what opens on it", () => list(page, house, world));
    await test.step("one account", () => account(page, world));
  });

  test("what is told", async ({ page, house }) => {
    test.slow();
    await asOwner(page, house);
    await notices(page, house);
  });

  test.describe("states", () => {
    test.use({ breaks: true });
    test("waiting, broken, empty", async ({ page, house }) => {
      test.slow();
      await asOwner(page, house);
      const states = await States.on(page);
      await test.step("waiting", () => waiting(page, states));
      await test.step("broken", () => broken(page, states));
      await test.step("empty, and one row", () => few(page, states));
    });

    test("more, longer and odder than usual", async ({ page, house }) => {
      test.slow();
      await asOwner(page, house);
      const states = await States.on(page);
      await test.step("thousands of rows", () => many(page, states));
      await test.step("long and right-to-left names", () => odd(page, states));
    });
  });
});
