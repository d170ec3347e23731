import assert from 'node:assert/strict';
import { ANONYMOUS } from '../../server/model/caller.ts';
import { createEventCounts } from '../../server/model/figures.ts';
import { readWanted } from '../../server/tunnel/asked.ts';
import type { Announcement } from '../../server/tunnel/callee.ts';
import { createCallees } from '../../server/tunnel/callees.ts';
import type { Caller } from '../../server/tunnel/caller.ts';
import type { Claimant } from '../../server/tunnel/claimant.ts';
import type { Tunnel } from '../../tunnel/tunnel.ts';

/** Nothing here looks into it. */
const TUNNEL = {} as Tunnel;

const claim = (clientId: string, with_: Partial<Claimant> = {}): Claimant => ({
  clientId,
  subject: '',
  sessionId: undefined,
  isProven: false,
  mayServe: () => true,
  isDrawn: false,
  peer: 'here',
  connectedAt: 0,
  ...with_,
});

const announce = (methods: readonly string[]): Announcement => ({
  methods,
  maxCalls: 2,
  acceptEncodings: [],
  labels: {},
  isEphemeral: false,
  descriptors: new Uint8Array(),
});

const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, at) => `p.S/M${from + at}`);

describe('callees', () => {
  it('announce half of all methods by one principal, whose clients are told so', () => {
    const counts = createEventCounts();
    const callees = createCallees(counts);
    const join = (clientId: string, subject: string) =>
      callees.join(claim(clientId, { subject }), TUNNEL, () => undefined);
    const greedy = Array.from({ length: 50 }, (_, at) => join(`g${at}`, 'token:g'));
    for (const callee of greedy) callee.announce(announce(names(1_000)));
    const more = join('more', 'token:g');
    assert.throws(() => more.announce(announce(['p.S/More'])), {
      code: 'RESOURCE_EXHAUSTED',
      message: 'announce.methods: the clients of token:g announce more than 50000 methods',
    });
    assert.equal(counts.reachedLimits.methods_per_principal, 1);
    assert.deepEqual(join('other', 'token:o').announce(announce(names(1_000))).methods, []);
    // What one said before makes room for what it says now.
    greedy[0]!.announce(announce(names(1_000, 5)));
    greedy[0]!.announce(announce(names(999)));
    assert.deepEqual(more.announce(announce(['p.S/More'])).methods, []);
    greedy[1]!.leave();
    more.announce(announce(names(1_000)));
  });

  it('are forgotten first of the principal that has left most methods behind', () => {
    const callees = createCallees();
    const join = (clientId: string, subject: string) =>
      callees.join(claim(clientId, { subject }), TUNNEL, () => undefined);
    callees.remember(['p.S/Before'], 'token:o');
    const [other, greedy] = [join('o', 'token:o'), join('g', 'token:g')];
    other.announce(announce(['p.S/Other']));
    other.leave();
    for (let from = 0; from < 12_000; from += 1_000) greedy.announce(announce(names(1_000, from)));
    greedy.leave();
    const known = names(12_000).filter((method) => callees.knows(method));
    assert.deepEqual([known.length, known[0]], [9_998, 'p.S/M2002']);
    assert.deepEqual([callees.knows('p.S/Before'), callees.knows('p.S/Other')], [true, true]);
    // One that is served again is no more among those that were left.
    join('g', 'token:g').announce(announce(['p.S/M2002']));
    callees.remember(['p.S/New'], 'token:o');
    assert.deepEqual([callees.knows('p.S/M2002'), callees.knows('p.S/M2003')], [true, true]);
  });

  it('are waited for with half of the selectors of a method by calls of one principal', () => {
    const counts = createEventCounts();
    const callees = createCallees(counts);
    const waits = (principal: string, n: number): boolean => {
      const metadata = [{ key: 'contact-selector', value: `${principal}=${n}` }];
      const caller = { method: 'p.S/M', metadata, who: { ...ANONYMOUS, principal } } as unknown as Caller;
      return callees.wait('p.S/M', readWanted(caller), () => true) !== undefined;
    };
    for (let n = 0; n < 500; n += 1) assert.ok(waits('a', n));
    assert.deepEqual([waits('a', 500), waits('a', 7), waits('b', 0)], [false, true, true]);
    assert.equal(counts.reachedLimits.call_selectors_per_principal, 1);
  });
});
