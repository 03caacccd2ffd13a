// An OpenID provider on loopback, in two flavours: the paths, scopes and habits of Google's and of Microsoft's.
//
//   node server.js SETTINGS
//
// SETTINGS is a JSON file: {"google": port, "microsoft": port, "ready": file to be made when both listen}.
// Anybody signs in, with any password. `/lab/…` is what tests rule it with; each flavour has its own.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { interactionPolicy, Provider } from "oidc-provider";

// Bytes of one request's body that are read.
const MAX_BODY = 64 * 1024;

const FLAVOURS = {
  google: {
    routes: { authorization: "/o/oauth2/v2/auth", token: "/token", userinfo: "/v1/userinfo" },
    scopes: [
      "https://mail.google.com/",
      "https://www.googleapis.com/auth/gmail.send",
      "https://www.googleapis.com/auth/gmail.readonly",
    ],
    mail: "https://mail.google.com/",
    rotates: false,
  },
  microsoft: {
    routes: {
      authorization: "/common/oauth2/v2.0/authorize",
      token: "/common/oauth2/v2.0/token",
      userinfo: "/oidc/userinfo",
    },
    scopes: [
      "https://outlook.office.com/IMAP.AccessAsUser.All",
      "https://outlook.office.com/SMTP.Send",
      "https://outlook.office.com/Mail.ReadWrite",
    ],
    mail: "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send",
    rotates: true,
  },
};

const REDIRECT = "http://127.0.0.1/callback";

const CLIENTS = [
  {
    client_id: "app",
    client_secret: "app-secret",
    token_endpoint_auth_method: "client_secret_post",
    grant_types: ["authorization_code", "refresh_token"],
    redirect_uris: [REDIRECT],
  },
  // Dovecot, which asks whose a token is.
  {
    client_id: "dovecot",
    client_secret: "dovecot-secret",
    grant_types: [],
    redirect_uris: [],
    response_types: [],
  },
];

function serve(name, port) {
  const flavour = FLAVOURS[name];
  const lab = {
    lifetime: 3600, // seconds
    bytes: 43, // characters of an access token
    failures: [], // answers to the next token calls
    redirects: new Set([REDIRECT]),
    grants: new Map(), // id -> e-mail address
    offline: new Set(), // grants that give a refresh token
  };
  const provider = new Provider(`http://127.0.0.1:${port}`, settings(name, flavour, lab));
  provider.Client.prototype.redirectUriAllowed = (uri) => lab.redirects.has(uri);
  provider.on("grant.saved", (grant) => lab.grants.set(grant.jti, grant.accountId));
  provider.on("grant.destroyed", (grant) => lab.grants.delete(grant.jti));
  provider.on("server_error", (_, error) => console.error(name, error));

  const callback = provider.callback();
  const server = createServer((req, res) => {
    answer(req, res).catch((error) => {
      console.error(name, req.url.split("?")[0], error);
      if (!res.headersSent) json(res, 500, { error: String(error) });
    });
  });
  const answer = async (req, res) => {
    const url = new URL(req.url, provider.issuer);
    if (url.pathname.startsWith("/lab/"))
      return await obey(provider, lab, flavour, url.pathname.slice(5), req, res);
    if (url.pathname.startsWith("/interaction/")) return await interact(provider, lab, url, req, res);
    if (url.pathname === "/revoke" && name === "google") return await revokeByToken(provider, req, res);
    if (url.pathname === flavour.routes.token && req.method === "POST" && lab.failures.length > 0) {
      const { status, body } = lab.failures.shift();
      req.resume();
      return json(res, status, body);
    }
    if (
      url.pathname === flavour.routes.authorization &&
      name === "microsoft" &&
      (url.searchParams.get("scope") ?? "").split(" ").includes("offline_access")
    ) {
      // The library keeps this scope only together with prompt=consent.
      url.searchParams.set("access_type", "offline");
      req.url = url.pathname + url.search;
    }
    return callback(req, res);
  };
  return new Promise((done) => server.listen(port, "127.0.0.1", done));
}

// What the library is told, but for the ports.
function settings(name, flavour, lab) {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }), 0);
  return {
    adapter: memory(),
    clients: CLIENTS,
    scopes: ["openid", "offline_access", "email", "profile", ...flavour.scopes],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
    conformIdTokenClaims: false,
    findAccount: (_, email) => ({
      accountId: email,
      claims: () => ({
        sub: email,
        email,
        email_verified: true,
        name: email.split("@")[0],
        preferred_username: email,
      }),
    }),
    extraTokenClaims: (_, token) => ({ email: token.accountId }),
    extraParams: ["access_type", "include_granted_scopes"],
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      userinfo: { enabled: true },
    },
    routes: {
      ...flavour.routes,
      introspection: "/token/introspection",
      revocation: "/client/revoke",
      jwks: "/jwks",
    },
    interactions: { policy, url: (_, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ["lab"] },
    pkce: { required: () => false },
    formats: { bitsOfOpaqueRandomness: (_, token) => (token.kind === "AccessToken" ? lab.bytes * 6 : 256) },
    ttl: {
      AccessToken: () => lab.lifetime,
      RefreshToken: 90 * 24 * 3600,
      Grant: 365 * 24 * 3600,
      Session: 3600,
      Interaction: 600,
      IdToken: 3600,
      AuthorizationCode: 60,
    },
    rotateRefreshToken: () => flavour.rotates,
    expiresWithSession: () => false,
    // Google gives one only when `access_type=offline` was asked for and the person has just consented; Microsoft
    // whenever `offline_access` was.
    issueRefreshToken: (_, __, code) => {
      const gives = lab.offline.has(code.grantId);
      if (name === "google") lab.offline.delete(code.grantId);
      return gives;
    },
  };
}

// Keeps all that was ever given: the library's own store forgets beyond a thousand entries. What has expired is refused
// by the library.
function memory() {
  const entries = new Map(); // "model:id" -> what it is
  return (model) => {
    const key = (id) => `${model}:${id}`;
    const ofModel = () => [...entries].filter(([at]) => at.startsWith(key("")));
    return {
      upsert: async (id, entry) => void entries.set(key(id), entry),
      find: async (id) => entries.get(key(id)),
      findByUid: async (uid) => ofModel().find(([, entry]) => entry.uid === uid)?.[1],
      findByUserCode: async () => undefined,
      destroy: async (id) => void entries.delete(key(id)),
      consume: async (id) =>
        void Object.assign(entries.get(key(id)), { consumed: Math.floor(Date.now() / 1000) }),
      revokeByGrantId: async (grant) => {
        for (const [at, entry] of ofModel()) if (entry.grantId === grant) entries.delete(at);
      },
    };
  };
}

// The pages: a form to sign in, and one to consent, with a box for each scope.
async function interact(provider, lab, url, req, res) {
  const { uid, prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  const abort = { error: "access_denied", error_description: "The user declined" };
  if (url.pathname.endsWith("/abort"))
    return await provider.interactionFinished(req, res, abort, { mergeWithLastSubmission: false });
  const asked = (prompt.details.missingOIDCScope ?? []).filter(
    (scope) => !["openid", "offline_access"].includes(scope),
  );
  if (req.method !== "POST") {
    const fields =
      prompt.name === "consent"
        ? asked.map(
            (scope) =>
              `<p><label><input type="checkbox" name="scope" value="${safe(scope)}" checked> ${safe(scope)}</label></p>`,
          )
        : [
            `<p><label>Address <input name="login" value="${safe(params.login_hint ?? "")}" required></label></p>`,
            '<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>',
          ];
    const title = prompt.name === "consent" ? "Allow access" : "Sign in";
    return html(
      res,
      `<h1>${title}</h1><form method="post" action="/interaction/${uid}">${fields.join("")}` +
        `<button type="submit">${title}</button></form><a href="/interaction/${uid}/abort">[ Cancel ]</a>`,
    );
  }
  const form = new URLSearchParams(await body(req));
  if (prompt.name !== "consent") {
    const result = { select_account: {}, login: { accountId: form.get("login") } };
    return await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  }
  const known = grantId ? await provider.Grant.find(grantId) : undefined;
  const grant = known ?? new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const allowed = form.getAll("scope");
  grant.addOIDCScope(["openid", "offline_access", ...allowed].join(" "));
  const refused = asked.filter((scope) => !allowed.includes(scope));
  if (refused.length > 0) grant.rejectOIDCScope(refused.join(" "));
  if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
  const saved = await grant.save();
  if (params.access_type === "offline") lab.offline.add(saved);
  return await provider.interactionFinished(
    req,
    res,
    { consent: { grantId: saved } },
    { mergeWithLastSubmission: true },
  );
}

// Google's way: whoever has a token may end its grant, without being a client.
async function revokeByToken(provider, req, res) {
  const form = new URLSearchParams(await body(req));
  const token = new URL(req.url, provider.issuer).searchParams.get("token") ?? form.get("token") ?? "";
  const found = (await provider.AccessToken.find(token)) ?? (await provider.RefreshToken.find(token));
  const grant = found && (await provider.Grant.find(found.grantId));
  if (!grant)
    return json(res, 400, { error: "invalid_token", error_description: "Token expired or revoked" });
  await grant.destroy();
  return json(res, 200, {});
}

// The controls. Each takes JSON and answers with JSON.
async function obey(provider, lab, flavour, command, req, res) {
  const given = JSON.parse((await body(req)) || "{}");
  switch (command) {
    case "lifetime": // {seconds}: of access tokens from now on
      lab.lifetime = given.seconds;
      return json(res, 200, {});
    case "token_bytes": // {bytes}: length of access tokens from now on
      lab.bytes = given.bytes;
      return json(res, 200, {});
    case "fail": // {count, status, body}: the answer to the next token calls, in the place of what was said before
      lab.failures = Array(given.count).fill({ status: given.status, body: given.body });
      return json(res, 200, {});
    case "redirect": // {uri}: where people may be sent back to
      lab.redirects.add(given.uri);
      return json(res, 200, {});
    case "revoke": // {email}: ends all grants of an account
      return json(res, 200, { grants: await revoke(provider, lab, given.email) });
    case "token": // {email, scope?, seconds?, bytes?}: as if this person had consented
      return json(res, 200, await mint(provider, lab, given, given.scope ?? `openid email ${flavour.mail}`));
    default:
      return json(res, 404, { error: `no control ${command}` });
  }
}

async function revoke(provider, lab, email) {
  const ids = [...lab.grants].filter(([, owner]) => owner === email).map(([id]) => id);
  for (const id of ids) {
    await (await provider.Grant.find(id, { ignoreExpiration: true }))?.destroy();
    lab.grants.delete(id);
  }
  return ids.length;
}

async function mint(provider, lab, { email, seconds, bytes }, scope) {
  const client = await provider.Client.find("app");
  const grant = new provider.Grant({ accountId: email, clientId: "app" });
  grant.addOIDCScope(scope);
  const common = { accountId: email, client, grantId: await grant.save(), gty: "authorization_code", scope };
  const access = new provider.AccessToken({ ...common, expiresIn: seconds });
  const refresh = new provider.RefreshToken({ ...common, rotations: 0 });
  // The length is looked at when the call begins.
  const usual = lab.bytes;
  lab.bytes = bytes ?? usual;
  const saved = access.save();
  lab.bytes = usual;
  return { access_token: await saved, refresh_token: await refresh.save(), scope };
}

async function body(req) {
  let text = "";
  for await (const piece of req) {
    text += piece;
    if (text.length > MAX_BODY) throw new Error("the body is too long");
  }
  return text;
}

function json(res, status, value) {
  res.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  res.end(JSON.stringify(value));
}

function html(res, content) {
  res.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
  res.end(
    // The icon keeps a browser from asking for one, which would be an error in its console.
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Lab</title><link rel="icon" href="data:,">' +
      `<body><main>${content}</main></body></html>`,
  );
}

function safe(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const { google, microsoft, ready } = JSON.parse(readFileSync(process.argv[2], "utf8"));
await Promise.all([serve("google", google), serve("microsoft", microsoft)]);
writeFileSync(ready, "");
