import { describe, expect, it } from 'vitest';

import { ago, initials, phoneNumber, span } from './format';

describe('the formatter', () => {
  it('writes spans as minutes and seconds', () => {
    expect(span(0, 7_900)).toBe('0:07');
    expect(span(0, 750_000)).toBe('12:30');
    expect(span(5_000, 0)).toBe('0:00');
  });

  it('says how long ago in one step', () => {
    expect(ago(0, 59_000).unit).toBe('now');
    expect(ago(0, 60_000)).toEqual({ unit: 'minutes', count: 1 });
    expect(ago(0, 7_200_000)).toEqual({ unit: 'hours', count: 2 });
    expect(ago(0, 172_800_000)).toEqual({ unit: 'days', count: 2 });
  });

  it('groups the numbers it knows and leaves the others', () => {
    expect(phoneNumber('+15550100002')).toBe('+1 555 010 0002');
    expect(phoneNumber('+441632960001')).toBe('+44 1632 960001');
    expect(phoneNumber('anonymous')).toBe('anonymous');
    expect(phoneNumber(null)).toBe('');
  });

  it('takes first and last initials', () => {
    expect(initials('Priya Nair')).toBe('PN');
    expect(initials('Ana')).toBe('A');
    expect(initials('Ana de la Cruz')).toBe('AC');
    expect(initials('')).toBe('');
  });
});
