import assert from 'node:assert/strict';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { LogLevel, type LogLine, TaskState, type WatchTaskResponse } from '../../gen/index.ts';
import { connect, describeTask, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';
import { closeOf, nameOf, openWorker } from '../scene/worker.ts';

const line = (number: number, with_: Partial<Omit<LogLine, '$typeName'>> = {}) => ({
  number,
  text: `line ${number}`,
  ...with_,
});
const textsOf = (lines: readonly LogLine[]): string[] => lines.map(({ number, text }) => `${number}: ${text}`);

describe('the log of a task', () => {
  afterEach(closeScene);

  it('is told with the attempt that it is of: number, level, instant and text', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    const of = nameOf(task!);
    const before = Date.now();
    worker.send({
      logs: [
        { ...of, line: line(1, { level: LogLevel.WARN, at: timestampFromMs(5) }) },
        { ...of, line: line(2) },
        { ...of, line: line(4, { level: 99 as LogLevel, text: 'later' }) },
      ],
    });
    const { attempts } = await until('the lines', async () => {
      const found = await describeTask(clients, id!);
      return found.attempts[0]!.log.length === 3 && found;
    });
    const [first, second, third] = attempts[0]!.log;
    assert.deepEqual(
      { ...first },
      {
        $typeName: 'contact.v1.LogLine',
        number: 1,
        level: LogLevel.WARN,
        at: timestampFromMs(5),
        text: 'line 1',
      },
    );
    assert.deepEqual([second!.level, third!.level, third!.number], [LogLevel.INFO, LogLevel.INFO, 4]);
    assert.ok(timestampMs(second!.at!) >= before && timestampMs(second!.at!) <= Date.now());
  });

  it('is kept with the result that it came with, and of each attempt apart', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { backoff: { baseMs: 1 } });
    const worker = await openWorker(clients);
    const [task] = await worker.receive(1);
    const failed = [{ ...nameOf(task!), error: { message: 'broke' } }];
    await worker.report({ failed, logs: [{ ...nameOf(task!), line: line(1) }] });
    const [, again] = await worker.receive(2);
    const succeeded = [{ ...nameOf(again!), result: new Uint8Array() }];
    await worker.report({ succeeded, logs: [{ ...nameOf(again!), line: line(1, { text: 'well' }) }] });
    const { attempts, state } = await describeTask(clients, id!);
    assert.equal(state, TaskState.SUCCEEDED);
    assert.deepEqual(
      attempts.map(({ delivery, log }) => [delivery, textsOf(log)]),
      [
        [1, ['1: line 1']],
        [2, ['1: well']],
      ],
    );
  });

  it('is cut at 1 KiB on a character, ends in a mark then, and hides credentials', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const of = nameOf((await worker.receive(1))[0]!);
    const secret = `ct_abcdefghijklmnop_${'x'.repeat(43)}`;
    const texts = [`${'x'.repeat(1_020)}äöü`, `calls with ${secret} and postgres://me:pw@host`, 'a\0b'];
    await worker.report({
      logs: texts.map((text, at) => ({ ...of, line: line(at + 1, { text }) })),
      succeeded: [{ ...of, result: new Uint8Array() }],
    });
    const { log } = (await describeTask(clients, id!)).attempts[0]!;
    assert.deepEqual(
      log.map(({ text }) => text),
      [`${'x'.repeat(1_020)}…`, 'calls with ct_abcdefghijklmnop_*** and postgres://me:***@host', 'a\ufffdb'],
    );
  });

  it('is taken of who has the delivery alone, and still after a timeout has closed it', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, { timeoutMs: 20, maxAttempts: 1 });
    const worker = await openWorker(clients);
    const other = await openWorker(clients, { queues: ['other'] });
    const of = nameOf((await worker.receive(1))[0]!);
    other.send({ logs: [{ ...of, line: line(1, { text: 'not mine' }) }] });
    await other.report({ succeeded: [{ ...of, result: new Uint8Array() }] });
    worker.send({ started: [of] });
    await until('the timeout', () => worker.cancels.length > 0);
    await worker.report({ logs: [{ ...of, line: line(2, { text: 'I stop' }) }], stopped: [of] });
    const [attempt] = (await describeTask(clients, id!)).attempts;
    assert.deepEqual([attempt!.error!.code, textsOf(attempt!.log)], ['TIMEOUT', ['2: I stop']]);
    await worker.report({ logs: [{ ...of, line: line(3) }], stopped: [of] });
    assert.equal((await describeTask(clients, id!)).attempts[0]!.log.length, 1);
  });

  it('names what is wrong of it, and the session ends', async () => {
    const clients = connect(await startScene());
    await enqueue(clients, {});
    const cases = [
      [[{ line: line(0) }], /^logs\[0\]\.line\.number: lines count from 1$/],
      [[{ line: line(-1 >>> 0) }], /^logs\[0\]\.line\.number: at most 1000000000, got 4294967295$/],
      [[{ line: line(1) }, {}], /^logs\[1\]\.line\.number: /],
      [
        [{ line: line(1, { at: { $typeName: 'google.protobuf.Timestamp', seconds: 1n << 60n, nanos: 0 } }) }],
        /^logs\[0\]\.line\.at: /,
      ],
      [
        Array.from({ length: 1_001 }, (_, at) => ({ line: line(at + 1) })),
        /^logs: at most 1000 in one message, got 1001$/,
      ],
    ] as const;
    for (const [logs, expected] of cases) {
      const worker = await openWorker(clients);
      const of = nameOf((await worker.receive(1))[0]!);
      worker.send({ logs: logs.map((one) => ({ ...of, ...one })) });
      const ended = await worker.statusEnded;
      assert.match(ended.details, expected);
      assert.equal(closeOf(ended), 'INVALID_ARGUMENT never');
    }
  });

  it('is told live to who watches, each line once: with the task, or by itself', async () => {
    const clients = connect(await startScene());
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const of = nameOf((await worker.receive(1))[0]!);
    worker.send({
      logs: [
        { ...of, line: line(1) },
        { ...of, line: line(2) },
      ],
    });
    await until('the lines', async () => (await describeTask(clients, id!)).attempts[0]!.log.length === 2);
    const told: WatchTaskResponse['event'][] = [];
    const stream = clients.tasks.watchTask({ id: id! });
    stream.on('data', ({ event }: WatchTaskResponse) => told.push(event));
    await until('the task', () => told.length > 0);
    worker.send({
      logs: [
        { ...of, line: line(2) },
        { ...of, line: line(3, { level: LogLevel.ERROR }) },
      ],
    });
    const live = await until('a line', () => told.find(({ case: kind }) => kind === 'log'));
    assert.deepEqual(
      [live.case === 'log' && live.value.delivery, live.case === 'log' && live.value.line?.number],
      [1, 3],
    );
    await worker.report({ logs: [{ ...of, line: line(4) }], succeeded: [{ ...of, result: new Uint8Array() }] });
    await new Promise((resolve) => stream.once('end', resolve));
    const numbers = told.flatMap((event) => (event.case === 'log' ? [event.value.line!.number] : []));
    assert.deepEqual(numbers, [3]);
    const states = told.flatMap((event) => (event.case === 'task' ? [event.value] : []));
    assert.deepEqual(
      states.map(({ attempts }) => attempts[0]!.log.map(({ number }) => number)),
      [
        [1, 2],
        [1, 2, 3, 4],
      ],
    );
  });

  it('is of the newest hundred lines, however many are said at once', async () => {
    const clients = connect(await startScene({ isDurable: true }));
    const [id] = await enqueue(clients, {});
    const worker = await openWorker(clients);
    const of = nameOf((await worker.receive(1))[0]!);
    const text = 'x'.repeat(1_000);
    for (let batch = 0; batch < 30; batch += 1) {
      worker.send({
        logs: Array.from({ length: 1_000 }, (_, at) => ({ ...of, line: line(batch * 1_000 + at + 1, { text }) })),
      });
    }
    await worker.report({ succeeded: [{ ...of, result: new Uint8Array() }] });
    const { log } = (await describeTask(clients, id!)).attempts[0]!;
    assert.deepEqual([log.length, log[0]!.number, log.at(-1)!.number], [100, 29_901, 30_000]);
  });
});
