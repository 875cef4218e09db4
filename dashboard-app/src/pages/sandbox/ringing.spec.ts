import { describe, expect, it } from 'vitest';

import type { Phone, PhoneState } from '../../api/sandbox';
import { ringingWatcher } from './ringing';

const phone = (number: string, state: PhoneState, since: string): Phone => ({
  number,
  state,
  since,
  kind: 'agent',
  name: number,
  wants: 'nothing',
  heard: [],
});

describe('a ringing phone', () => {
  it('is told once, and again when it rings anew', () => {
    const began = ringingWatcher();
    expect(began([phone('1', 'ringing', 'a'), phone('2', 'idle', 'a')])).toHaveLength(1);
    expect(began([phone('1', 'ringing', 'a'), phone('2', 'ringing', 'b')]).map((one) => one.number)).toEqual([
      '2',
    ]);
    expect(began([phone('1', 'idle', 'c')])).toEqual([]);
    expect(began([phone('1', 'ringing', 'd')])).toHaveLength(1);
  });
});
