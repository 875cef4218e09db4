/** The one formatter of dates, spans and telephone numbers. */

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const stamp = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
});

/** The time under a message. `at` is in whole seconds since 1970, as Chatwoot gives it. */
export function messageTime(at: number): string {
  return stamp.format(at * 1000);
}

/** The hour and minute of an RFC 3339 instant. */
export function clockTime(at: string): string {
  return clock.format(new Date(at));
}

/** A running span as minutes and seconds: `0:07`, `12:30`. Never negative. */
export function span(fromMs: number, toMs: number): string {
  const whole = Math.max(0, Math.floor((toMs - fromMs) / 1000));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** How long ago, as short as Chatwoot's list shows it: `now`, `3m`, `2h`, `5d`. */
export function ago(
  thenMs: number,
  nowMs: number,
): { unit: 'now' | 'minutes' | 'hours' | 'days'; count: number } {
  const minutes = Math.max(0, Math.floor((nowMs - thenMs) / 60_000));
  if (minutes < 1) return { unit: 'now', count: 0 };
  if (minutes < 60) return { unit: 'minutes', count: minutes };
  if (minutes < 60 * 24) return { unit: 'hours', count: Math.floor(minutes / 60) };
  return { unit: 'days', count: Math.floor(minutes / (60 * 24)) };
}

/** An E.164 number with gaps a person can read; numbers of other plans stay as they are. */
export function phoneNumber(e164: string | null | undefined): string {
  if (!e164) return '';
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(e164);
  if (american) return `+1 ${american[1]} ${american[2]} ${american[3]}`;
  const british = /^\+44(\d{4})(\d{6})$/.exec(e164);
  return british ? `+44 ${british[1]} ${british[2]}` : e164;
}

/** At most two initials, as on Chatwoot's avatars. */
export function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  return ((parts[0]?.[0] ?? '') + (parts.length > 1 ? (parts.at(-1)?.[0] ?? '') : '')).toUpperCase();
}
