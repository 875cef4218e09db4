import type { Phone } from '../../api/sandbox';

/** One ringing of one phone; the same phone ringing again later is another one. */
const ringingOf = (phone: Phone): string => `${phone.number} ${phone.since ?? ''}`;

/** Tells which phones began to ring since it was last asked, each ringing once. */
export function ringingWatcher(): (phones: readonly Phone[]) => Phone[] {
  let known = new Set<string>();
  return (phones) => {
    const ringing = phones.filter((phone) => phone.state === 'ringing');
    const fresh = ringing.filter((phone) => !known.has(ringingOf(phone)));
    known = new Set(ringing.map(ringingOf));
    return fresh;
  };
}
