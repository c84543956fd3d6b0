// The platform that a program of this directory calls, as the test that started it says.

export const URL = process.env.CLIENTS_URL;
export const KEY = process.env.CLIENTS_KEY;
// A key whose budget is spent, and an address at which attempts are counted.
export const POOR_KEY = process.env.CLIENTS_POOR_KEY;
export const RELAY_URL = process.env.CLIENTS_RELAY_URL;
// One that the platform answers itself, and one of each vendor behind it.
export const MODELS = ["sandbox", "gpt-4o-mini", "claude-haiku-4-5"];

/** How often the relay was asked since this was last called. */
export async function attempts() {
  const answer = await fetch(`${RELAY_URL}/_attempts`);
  return (await answer.json()).length;
}
