import assert from 'node:assert/strict';
import fc from 'fast-check';
import { plainEnd } from '../../tunnel/frame.ts';
import { isFull } from '../scene/full.ts';
import { checkWindows, createHouse, draw, type House, MAX_MESSAGE_BYTES, type Pair, WINDOW } from './tunnel-scene.ts';

const RUNS = isFull ? 1_000 : 100;

const ACTS = [
  'open',
  'say up',
  'say down',
  'headers',
  'half-close',
  'end',
  'cancel',
  'ask',
  'take down',
  'turn',
  'pipe takes down',
  'pipe takes up',
  'deliver down',
  'deliver up',
] as const;

/** Moves often, ends seldom: else no call lives long enough for its window. */
const act = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ACTS) },
  { weight: 5, arbitrary: fc.constantFrom(...ACTS.slice(7), 'say up' as const, 'say down' as const) },
);
const size = fc.oneof(
  fc.constantFrom(0, 1, 16_384, 16_385, WINDOW - 33, WINDOW - 32, WINDOW - 31, WINDOW, WINDOW + 1, MAX_MESSAGE_BYTES),
  fc.nat(2_000),
);
const step = fc.record({ act, which: fc.nat(7), size });
type Step = { readonly act: (typeof ACTS)[number]; readonly which: number; readonly size: number };

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function ask(pair: Pair): void {
  if (!pair.inbox || pair.isAsking) return;
  pair.isAsking = true;
  pair.inbox.next().then(
    (message) => {
      pair.isAsking = false;
      if (message) pair.up.heard.push(message);
      else pair.up.isFinished = true;
    },
    () => undefined,
  );
}

function sayUp(pair: Pair, bytes: number): void {
  if (pair.hasHalfClosed || pair.server.isOver) return;
  const message = draw(bytes, pair.up.said.length);
  pair.up.said.push(message);
  const piece = { messageBytes: bytes, isLast: true, isCompressed: false, onTaken: () => undefined };
  // As it comes from a caller's connection: the message in two pieces.
  const cut = Math.floor(bytes / 3);
  if (cut === 0) {
    pair.server.send({ ...piece, bytes: message });
    return;
  }
  pair.server.send({ ...piece, bytes: message.subarray(0, cut), isLast: false });
  pair.server.send({ ...piece, bytes: message.subarray(cut), messageBytes: undefined });
}

function sayDown(pair: Pair, bytes: number): void {
  if (!pair.callee || pair.hasEnded || pair.callee.isOver) return;
  const message = draw(bytes, pair.down.said.length + 7);
  pair.down.said.push(message);
  pair.callee.send({
    bytes: message,
    messageBytes: bytes,
    isLast: true,
    isCompressed: false,
    onTaken: () => undefined,
  });
}

function end(pair: Pair): void {
  if (!pair.callee || pair.hasEnded || pair.callee.isOver) return;
  pair.hasEnded = true;
  pair.callee.end(plainEnd(0, ''));
}

function cancel(pair: Pair): void {
  if (pair.server.isOver) return;
  pair.serverEnds += 1;
  pair.server.cancel();
}

function run(house: House, { act, which, size: bytes }: Step): void {
  const pair = house.pairs[which % Math.max(1, house.pairs.length)];
  if (act === 'open') house.open();
  else if (act === 'turn') house.turn();
  else if (act === 'pipe takes down') house.down.take();
  else if (act === 'pipe takes up') house.up.take();
  else if (act === 'deliver down') house.deliver(house.down);
  else if (act === 'deliver up') house.deliver(house.up);
  else if (!pair) return;
  else if (act === 'say up') sayUp(pair, bytes);
  else if (act === 'say down') sayDown(pair, bytes);
  else if (act === 'half-close') {
    if (!pair.hasHalfClosed) pair.server.halfClose();
    pair.hasHalfClosed = true;
  } else if (act === 'headers') {
    // Once, as a callee has to: a second time is against the protocol.
    if (pair.callee && pair.down.said.length === 0 && !pair.hasEnded && !pair.hasHeaders) {
      pair.hasHeaders = true;
      pair.callee.headers([]);
    }
  } else if (act === 'end') end(pair);
  else if (act === 'cancel') cancel(pair);
  else if (act === 'ask') ask(pair);
  else for (const cost of pair.untaken.splice(0)) pair.server.taken(cost);
}

/** Everybody reads and the pipe moves, until nothing moves any more. */
async function settle(house: House): Promise<void> {
  let heard = 0;
  for (let quiet = 0; quiet < 3; quiet += 1) {
    const heardNow = house.pairs.reduce((sum, { up }) => sum + up.heard.length, 0);
    if (heardNow > heard) quiet = 0;
    heard = heardNow;
    house.turn();
    for (const pipe of [house.down, house.up]) {
      while (pipe.take()) quiet = 0;
      while (house.deliver(pipe)) quiet = 0;
    }
    for (const pair of house.pairs) {
      ask(pair);
      for (const cost of pair.untaken.splice(0)) {
        pair.server.taken(cost);
        quiet = 0;
      }
    }
    checkWindows(house);
    await later();
  }
}

function checkTalks(house: House): void {
  for (const { up, down } of house.pairs) {
    up.check();
    down.check();
  }
}

describe('a tunnel over a pipe that moves as it likes', () => {
  it('gives each call what was said in it, in order, ends it once at each end, and never has less than nothing left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 200 }), async (steps) => {
        const house = createHouse();
        for (const one of steps) {
          run(house, one);
          checkWindows(house);
          if (one.act === 'ask') await later();
        }
        await settle(house);
        checkTalks(house);
        for (const pair of house.pairs) {
          // Whoever still talks is heard to the end.
          if (pair.server.isOver) continue;
          assert.equal(pair.up.heard.length, pair.up.said.length, 'all that was said up was heard');
          assert.equal(pair.down.heard.length, pair.down.said.length, 'all that was said down was heard');
          assert.equal(pair.up.isFinished, pair.hasHalfClosed);
          end(pair);
        }
        await settle(house);
        for (const pair of house.pairs) {
          assert.equal(pair.serverEnds, 1, 'the server knows of one end');
          const hasEndedItself = pair.hasEnded && pair.calleeEnds === 0 ? 1 : 0;
          assert.equal(pair.calleeEnds + hasEndedItself, pair.callee ? 1 : 0, 'the callee knows of one end');
          if (pair.down.isFinished) assert.equal(pair.down.heard.length, pair.down.said.length, 'an end comes last');
        }
        assert.deepEqual([house.server.callCount, house.callee.callCount], [0, 0]);
        assert.deepEqual(house.broken, []);
      }),
      { numRuns: RUNS },
    );
  });

  it('loses every call once at both ends when it is closed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 100 }), async (steps) => {
        const house = createHouse();
        for (const one of steps) run(house, one);
        house.server.close();
        house.callee.close();
        await settle(house);
        checkTalks(house);
        for (const pair of house.pairs) {
          assert.equal(pair.serverEnds, 1);
          assert.ok(pair.calleeEnds <= 1);
          assert.ok(!pair.callee || pair.callee.isOver);
        }
        assert.equal(house.open(), undefined, 'no call begins in a tunnel that is closed');
      }),
      { numRuns: RUNS },
    );
  });
});
