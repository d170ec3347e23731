import assert from 'node:assert/strict';
import { type DeliveryLog, readSaid, TaskLogs } from '../../client/tasklog.ts';

const LINE_BYTES = 1_024;
const of = (key: string) => ({ key, taskId: key, delivery: 1 });
const numbersOf = ({ kept }: DeliveryLog): number[] => kept.map(({ line }) => line.number);

describe('what a worker keeps of what its handlers say', () => {
  function open() {
    const told: DeliveryLog[] = [];
    const logs = new TaskLogs(
      () => 1_000,
      (log) => told.push(log),
    );
    const say = (key: string, text = 'x') => logs.add(of(key), readSaid(text, 'info'));
    return { logs, told, say };
  }

  it('is cut at 1 KiB on a character, with a mark in the place of the rest, and mended', () => {
    const { text } = readSaid(`${'x'.repeat(1_020)}äöü`, 'warn');
    assert.equal(text, `${'x'.repeat(1_020)}…`);
    assert.equal(Buffer.byteLength(text), 1_023);
    const whole = 'ä'.repeat(LINE_BYTES / 2);
    assert.equal(readSaid(whole, 'warn').text, whole);
    assert.deepEqual(readSaid('a\0b\ud800', 'error'), { level: 'error', text: 'a\ufffdb\ufffd' });
  });

  it('is refused where it is no text, or of no level', () => {
    for (const [text, level, expected] of [
      [1, 'info', /^text: expected a string, got `1`$/],
      ['', 'fatal', /^level: expected one of debug, info, warn, error, got "fatal"$/],
      ['', null, /^level: /],
      ['', 'toString', /^level: /],
    ] as const) {
      assert.throws(() => readSaid(text, level), { code: 'INVALID_ARGUMENT', message: expected });
    }
  });

  it('has the newest hundred lines of a delivery, numbered over all that there were', () => {
    const { told, say } = open();
    for (let n = 0; n < 130; n += 1) say('a');
    assert.deepEqual(
      numbersOf(told[0]!),
      Array.from({ length: 100 }, (_, at) => 31 + at),
    );
    const { lines } = told[0]!.take(3, 10_000);
    assert.deepEqual(
      lines.map(({ number }) => number),
      [31, 32, 33],
    );
    assert.equal(told[0]!.hasUnsent, true);
  });

  it('sends each line once over a session, and all that are kept over the next', () => {
    const { logs, told, say } = open();
    say('a');
    say('a');
    const [log] = told as [DeliveryLog];
    assert.equal(log.take(10, 1e6).lines.length, 2);
    assert.deepEqual([log.take(10, 1e6).lines, log.hasUnsent], [[], false]);
    say('a');
    assert.deepEqual(
      log.take(10, 1e6).lines.map(({ number }) => number),
      [3],
    );
    logs.repeat();
    assert.deepEqual(
      log.take(10, 1e6).lines.map(({ number }) => number),
      [1, 2, 3],
    );
    assert.deepEqual(log.take(0, 1e6).lines, []);
  });

  it('takes no more bytes than there is room for', () => {
    const { told, say } = open();
    say('a', 'x'.repeat(LINE_BYTES));
    say('a', 'y');
    const [log] = told as [DeliveryLog];
    assert.deepEqual(log.take(10, LINE_BYTES), { lines: [], bytes: 0 });
    assert.equal(log.take(10, LINE_BYTES + 100).lines.length, 1);
    assert.equal(log.hasUnsent, true);
  });

  it('is 4 MiB of all deliveries: the oldest go, and what was said last stays', () => {
    const { told, say } = open();
    const text = 'x'.repeat(LINE_BYTES);
    for (let n = 0; n < 60; n += 1) for (let line = 0; line < 100; line += 1) say(`task ${n}`, text);
    const logs = [...new Set(told)];
    const kept = logs.reduce((bytes, log) => bytes + log.kept.length * (LINE_BYTES + 80), 0);
    assert.ok(kept <= 4 << 20 && kept > (4 << 20) - 2 * LINE_BYTES, `${kept} bytes`);
    assert.deepEqual([numbersOf(logs[0]!), logs.at(-1)!.kept.length], [[], 100]);
    say('task 0', text);
    assert.deepEqual(numbersOf(logs[0]!), [101]);
  });

  it('is forgotten when the server has the report, and when it wants none', () => {
    const { logs, told, say } = open();
    say('a');
    say('b');
    told.length = 0;
    logs.end('a', true);
    logs.end('b', false);
    logs.end('c', true);
    assert.deepEqual(
      told.map(({ key, hasEnded }) => [key, hasEnded]),
      [['a', true]],
    );
    logs.drop('a');
    told.length = 0;
    logs.repeat();
    assert.deepEqual(told, []);
  });
});
