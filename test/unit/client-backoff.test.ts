import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DEFAULT_BACKOFF, reconnectMs } from '../../client/backoff.ts';
import { createConnection, type Link } from '../../client/connection.ts';
import { pause } from '../../client/pause.ts';
import { patienceMs, watchSilence } from '../../client/silence.ts';
import { ContactError } from '../../shared/errors.ts';
import { createFakeClock } from '../scene/clock.ts';

const ALMOST_ONE = 1 - 2 ** -53;

describe('reconnectMs()', () => {
  it('doubles the ceiling with each failure up to the cap', () => {
    const ceilings = [1, 2, 3, 5, 6, 100].map((n) => reconnectMs(n, 'backoff', DEFAULT_BACKOFF, ALMOST_ONE) + 1);
    assert.deepEqual(ceilings, [200, 400, 800, 3_200, 5_000, 5_000]);
  });

  it('waits less when the server says now, and backs off all the same', () => {
    const ceilings = [1, 2, 3].map((n) => reconnectMs(n, 'now', DEFAULT_BACKOFF, ALMOST_ONE) + 1);
    assert.deepEqual(ceilings, [100, 200, 400]);
  });

  it('draws from the whole range', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }), (n, r) => {
        const ms = reconnectMs(n, 'backoff', DEFAULT_BACKOFF, r);
        assert.ok(Number.isInteger(ms) && ms >= 0 && ms < DEFAULT_BACKOFF.capMs);
      }),
    );
    assert.equal(reconnectMs(9, 'backoff', DEFAULT_BACKOFF, 0), 0);
  });
});

describe('pause()', () => {
  it('ends when its time is over', async () => {
    const clock = createFakeClock();
    const over = pause(clock, 100);
    clock.advance(100);
    assert.equal(await over, true);
  });

  it('ends early when the signal says so, and leaves no timer', async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const over = pause(clock, 100, controller.signal);
    controller.abort();
    assert.equal(await over, false);
    assert.equal(clock.pending, 0);
  });
});

describe('patienceMs()', () => {
  it('lets what a server may push come over a slow line', () => {
    assert.equal(patienceMs(5_000, 1_000), 15_000 + 128_000);
    assert.equal(patienceMs(250, 4 * 1024 * 1024), 750 + 512_000);
  });
});

describe('watchSilence()', () => {
  it('tells of silence at its limit', () => {
    const clock = createFakeClock();
    let silent = 0;
    watchSilence(clock, 100, 300, () => silent++);
    clock.advance(299);
    assert.equal(silent, 0);
    clock.advance(1);
    assert.equal(silent, 1);
    clock.advance(1_000);
    assert.equal(silent, 1);
  });

  it('counts from the last word', () => {
    const clock = createFakeClock();
    let silent = 0;
    const watch = watchSilence(clock, 100, 300, () => silent++);
    clock.advance(250);
    watch.heard();
    clock.advance(300);
    assert.equal(silent, 0);
    clock.advance(100);
    assert.equal(silent, 1);
  });

  it('does not blame the server for a process that was busy', () => {
    const clock = createFakeClock();
    let silent = 0;
    watchSilence(clock, 100, 300, () => silent++);
    clock.block(5_000);
    assert.equal(silent, 0);
    clock.advance(300);
    assert.equal(silent, 1);
  });

  it('stops', () => {
    const clock = createFakeClock();
    const watch = watchSilence(clock, 100, 300, () => assert.fail('stopped'));
    watch.stop();
    clock.advance(1_000);
    assert.equal(clock.pending, 0);
  });
});

describe('the backoff of a connection', () => {
  const broken = { error: null, advice: null };

  it('starts over after progress or a link that has lasted, not with an answer', async () => {
    const clock = createFakeClock();
    const backoff = { baseMs: 100, capMs: 5_000 };
    const connection = createConnection({ server: '127.0.0.1:9', clock, backoff, random: () => ALMOST_ONE });
    const waits: number[] = [];
    const fail = async (during: (link: Link) => void): Promise<void> => {
      const link = await connection.link();
      during(link);
      waits.push(link.failed(broken) + 1);
    };
    for (let n = 0; n < 3; n += 1) await fail((link) => link.answered());
    await fail((link) => link.worked());
    await fail((link) => link.answered());
    await fail((link) => {
      link.answered();
      clock.advance(5_000);
    });
    connection.close();
    assert.deepEqual(waits, [200, 400, 800, 200, 400, 200]);
  });
});

describe('the keepalive of a connection', () => {
  it('doubles with every channel that was closed for too many pings, up to five minutes', async () => {
    const connection = createConnection({ server: '127.0.0.1:9', keepaliveMs: 100_000 });
    const details = 'Bandwidth exhausted or memory limit exceeded';
    const calm = ContactError.from(Object.assign(new Error(details), { code: 8, details }));
    assert.equal(calm.code, 'UNAVAILABLE');
    const seen: number[] = [];
    for (const error of [calm, new ContactError('UNAVAILABLE', 'reset'), calm, calm]) {
      (await connection.link()).failed({ error, advice: null });
      seen.push(connection.keepaliveMs);
    }
    connection.close();
    assert.deepEqual(seen, [200_000, 200_000, 300_000, 300_000]);
  });
});
