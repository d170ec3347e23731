import assert from 'node:assert/strict';
import { examplesOf, readDocumented, readExports } from '../scene/docstrings.ts';
import { ENTRIES } from '../scene/sdkexamples.ts';

/** What a newcomer hovers first: each says what it throws, and has a program. */
const HOVERED: readonly string[] = [
  ...[
    'createProducer',
    'createWorker',
    'createObserver',
    'createAdmin',
    'createAccess',
    'createCaller',
    'createReflection',
  ],
  ...['runWorker', 'defineTask', 'startTestServer', 'mockContext'],
  ...['enqueue', 'enqueueBatch', 'broadcast', 'call'].map((name) => `Producer.${name}`),
  ...['results', 'results$'].map((name) => `Observer.${name}`),
  ...['serve', 'serveRaw', 'expose', 'drain', 'stop', 'use'].map((name) => `Worker.${name}`),
  ...['progress', 'log', 'saveCheckpoint'].map((name) => `TaskContext.${name}`),
  ...['enqueue', 'enqueueMany', 'call', 'handle'].map((name) => `DefinedTask.${name}`),
  ...['stub', 'keep', 'answer'].map((name) => `Caller.${name}`),
  ...['createToken', 'createJoin', 'revoke'].map((name) => `Access.${name}`),
  ...[
    'describeTask',
    'listAllTasks',
    'countTasks',
    'cancelTasks',
    'retryTasks',
    'deleteTasks',
    'watchTask',
    'listFailures',
  ]
    .concat('backUp')
    .map((name) => `Admin.${name}`),
];
/** What throws nothing, or is thrown, and is shown by a program. */
const SHOWN: readonly string[] = [
  ...['ContactError', 'CallError', 'TaskFailure', 'TaskRelease', 'TaskFailed', 'Handler', 'Middleware'],
  ...['newTaskId', 'createTestClock'],
];

describe('what the SDK says where it is hovered', () => {
  const all = ENTRIES.flatMap((entry) => readExports(entry));
  const find = (name: string) => all.find((one) => one.name === name);
  const failing = (test: (one: (typeof all)[number]) => boolean): string[] =>
    all.filter((one) => !test(one)).map(({ file, name }) => `${file}: ${name}`);

  it('is a sentence on each exported name, and on each member of it', () => {
    assert.ok(all.length > 350, `${all.length}`);
    assert.deepEqual(
      failing(({ text }) => /[a-z]{2}/.test(text.replace(/^@example[\s\S]*/m, ''))),
      [],
    );
  });

  it('has units of what is a number of something', () => {
    const isUnit = (name: string, unit: RegExp, text: string, ending: RegExp) => !ending.test(name) || unit.test(text);
    assert.deepEqual(
      failing(
        ({ name, kind, text }) =>
          kind !== 'field' ||
          (isUnit(name, /milliseconds/i, text, /Ms$/) && isUnit(name, /bytes|default \d+ MiB/i, text, /Bytes$/)),
      ),
      [],
    );
  });

  it('has the default of each option that may be left out', () => {
    assert.deepEqual(
      failing(
        ({ name, kind, isOptional, text }) =>
          kind !== 'field' || !isOptional || !/Options\.\w+$/.test(name) || /default|absent/i.test(text),
      ),
      [],
    );
  });

  it('has a program, and what is thrown, of what is hovered first', () => {
    for (const name of [...HOVERED, ...SHOWN]) {
      const one = find(name);
      assert.ok(one, `${name} is not exported`);
      assert.ok(
        examplesOf(one).some((code) => code.length > 10),
        `${name} has no @example`,
      );
      if (!SHOWN.includes(name)) assert.match(one.text, /^@throws \w+/m, `${name} has no @throws`);
    }
  });

  it('is what stands before a declaration, wherever that is', () => {
    const found = readDocumented('client/handler.ts');
    assert.deepEqual(
      found.slice(0, 3).map(({ name, kind }) => `${kind} ${name}`),
      ['type LogLevel', 'interface TaskContext', 'field TaskContext.taskId'],
    );
    assert.match(find('TaskContext.log')!.text, /^Keeps a line with this attempt/);
    assert.equal(examplesOf(find('defineTask')!).length, 2);
  });
});
