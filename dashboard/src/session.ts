/** Who is at the dashboard. */

import { computed, signal } from "@preact/signals";

import { type ApiError, onSignedOut, send, type Session } from "./api";
import { forgetAll } from "./resource";
import { BASE, navigate, place } from "./router";

const RENEW_EVERY_MS = 10 * 60_000;

/** Undefined until it is known, null where nobody has signed in. */
export const session = signal<Session | null | undefined>(undefined);
/** The one workspace that they administer; null for who administers the platform, or looks at all of it. */
export const ownWorkspace = computed(() => {
  const { scopes = [], workspaceId = null } = session.value ?? {};
  return scopes.includes("workspace:admin") && !scopes.includes("admin") ? workspaceId : null;
});
/** Whether they may do more than look. */
export const mayChange = computed(() => ownWorkspace.value !== null || (session.value?.scopes.includes("admin") ?? false));
/** Whether the company's identity provider signs people in. */
export const offersSignOn = signal(false);
/** Why the last try to sign in failed. */
export const refusal = signal<ApiError | null>(null);

/** Find out who is there; a sign-in link signs in. */
export async function begin(): Promise<void> {
  onSignedOut.call = leave;
  setInterval(() => void renew(), RENEW_EVERY_MS);
  const ticket = place.value.path === "login" ? place.value.hash : "";
  if (ticket) {
    // Out of the address bar and the history first: it works once, and is nobody else's business.
    navigate(BASE, { replace: true });
    await signIn({ ticket });
    void learnOffer();
    return;
  }
  try {
    const who = await send<{ session: Session | null; signOn: boolean }>("GET", "/v1/session");
    offersSignOn.value = who.signOn;
    session.value = who.session;
    void renew();
  } catch (error) {
    session.value = null;
    refusal.value = error as ApiError;
  }
}

/** Learn whether there is single sign-on, for when this session has ended. */
async function learnOffer(): Promise<void> {
  try {
    offersSignOn.value = (await send<{ signOn: boolean }>("GET", "/v1/session")).signOn;
  } catch {
    // The sign-in page has its field in any case.
  }
}

/** Open a session with an admin key or the ticket of a link. */
export async function signIn(proof: { apiKey: string } | { ticket: string }): Promise<void> {
  try {
    session.value = await send<Session>("POST", "/v1/session", proof);
    refusal.value = null;
    if (place.value.path === "login") navigate(BASE, { replace: true });
  } catch (error) {
    session.value = null;
    refusal.value = error as ApiError;
  }
}

export async function signOut(): Promise<void> {
  refusal.value = null;
  // First, so that no page asks for anything with a session that is being ended.
  leave();
  try {
    await send("DELETE", "/v1/session");
  } catch (error) {
    refusal.value = error as ApiError;
  }
}

function leave(): void {
  session.value = null;
  forgetAll();
}

/** Stay signed in while somebody looks. */
async function renew(): Promise<void> {
  if (!session.value || document.hidden) return;
  try {
    session.value = await send<Session>("POST", "/v1/session", {});
  } catch {
    // A session that has ended shows the sign-in page by itself; anything else is tried again.
  }
}
