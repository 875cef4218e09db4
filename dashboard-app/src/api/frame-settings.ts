/** What the service tells the page before anybody signed in (`src/dashboard.rs`). */
export type FrameSettings = { chatwoot_origins: string[] };

/** The addresses of Chatwoot this service belongs to; empty when the service cannot be asked. */
export async function loadFrameSettings(): Promise<FrameSettings> {
  const answer = await fetch('./settings.json');
  if (!answer.ok) throw new Error(`could not load settings.json: HTTP ${answer.status}`);
  return (await answer.json()) as FrameSettings;
}
