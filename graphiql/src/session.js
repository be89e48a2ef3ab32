// Whether this page is signed in. The tokens are in this module's memory only, so they are gone with the page.
import { Provider, explain, takeAnswer } from "./provider.js";

// Says only that this tab was signed in, or signed out: what a reload needs.
const LAST = "contacts:session";
const METADATA = "/.well-known/oauth-protected-resource";
const MARGIN = 30_000;

let state = { step: "starting" };
const listeners = new Set();
let metadata;
let provider;
let tokens;
let renewal;

export const current = () => state;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function show(next) {
  state = next;
  listeners.forEach((listener) => listener());
}

/** Find out whether the service needs a sign-in, and complete one that is under way. */
export async function start() {
  const answer = takeAnswer();
  const last = sessionStorage.getItem(LAST);
  try {
    if (answer) await complete(answer);
    else if (last === "in") await signIn();
    else await enter();
  } catch (error) {
    await leave(explain(error));
  }
}

async function complete(answer) {
  tokens = await (await connect()).exchange(answer);
  sessionStorage.setItem(LAST, "in");
  await enter();
}

/** Go to the provider's page, which sends the browser back to this one. */
export async function signIn() {
  try {
    const { contacts_client_id: client } = await describe();
    if (!client) return await leave();
    const again = sessionStorage.getItem(LAST) === "out";
    // A reload goes to the provider by itself, but not once more if nothing comes of it.
    sessionStorage.removeItem(LAST);
    return await (await connect()).leave(again);
  } catch (error) {
    return leave(explain(error));
  }
}

/** Sign in with a token that the user has from elsewhere. */
export async function useToken(token) {
  tokens = { access: token.trim().replace(/^Bearer\s+/i, ""), expiresAt: Infinity };
  await enter();
}

/** Forget the tokens, here and at the provider. The page loads again, without results and open WebSockets. */
export async function signOut() {
  sessionStorage.setItem(LAST, "out");
  await provider?.revoke(tokens).catch(() => {}); // signed out here in any case
  location.reload();
}

/** Send a request with the token of the sign-in, which is renewed once if the service refuses it. */
export async function request(address, init) {
  const send = async () => fetch(address, { ...init, headers: { ...init.headers, ...(await authorization()) } });
  const response = await send();
  return response.status === 401 && (await renew()) ? send() : response;
}

/** The header for a request, with a token that is valid for a while; none without a sign-in. */
export async function authorization() {
  if (tokens?.refresh && Date.now() > tokens.expiresAt - MARGIN) await renew();
  return tokens ? { Authorization: `Bearer ${tokens.access}` } : {};
}

/** Get another access token after the service refused the current one. Says whether there is one. */
export function renew() {
  renewal ??= attempt().finally(() => (renewal = undefined));
  return renewal;
}

async function attempt() {
  if (!tokens?.refresh) return false;
  try {
    tokens = await provider.renew(tokens);
    return true;
  } catch {
    return false;
  }
}

/** The service does not accept the sign-in any longer. The page stays as it is, and offers to sign in. */
export function end(reason) {
  tokens = undefined;
  sessionStorage.removeItem(LAST);
  show({ ...state, user: undefined, notice: `You are no longer signed in. ${reason ?? ""}`, canSignIn: true });
}

/** Show the editor if the service answers; if it refuses, the way to sign in. */
async function enter() {
  const response = await request(location.pathname, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: "query Viewer { viewer { name role } }" }),
  }).catch(() => null);
  if (response?.status === 401 || response?.status === 403) {
    const refused = tokens && `The service does not accept this sign-in. ${await reason(response)}`;
    if (tokens) sessionStorage.setItem(LAST, "out"); // so that someone else can sign in
    tokens = undefined;
    await leave(refused);
    return;
  }
  show({ step: "ready", ...(tokens && (await user(response))) });
}

async function user(response) {
  const { data, errors } = (await response?.json().catch(() => null)) ?? {};
  const viewer = data?.viewer ?? { name: tokens.name ?? "Signed in" };
  return { user: viewer, notice: errors?.[0]?.message };
}

/** Why the service refused a request, in its own words. */
export async function reason(response) {
  const body = await response
    .clone()
    .json()
    .catch(() => null);
  return body?.errors?.[0]?.message ?? "";
}

/** Show the way to sign in. */
async function leave(message) {
  try {
    const { contacts_client_id: client } = await describe();
    show({ step: "signed-out", message, how: client ? "provider" : "token" });
  } catch (error) {
    show({ step: "signed-out", message: message ?? error.message, how: "provider" });
  }
}

async function connect() {
  provider ??= await Provider.discover(await describe());
  return provider;
}

async function describe() {
  if (metadata) return metadata;
  const response = await fetch(METADATA).catch(() => null);
  if (!response?.ok) throw new Error("The service does not say how to sign in. Reload the page to try again.");
  metadata = await response.json();
  return metadata;
}
