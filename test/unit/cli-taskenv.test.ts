import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { parseBackoff } from '../../cli/backoff.ts';
import { createLeftOutTeller, describeTask, findLeftOut, type ToldTask } from '../../cli/taskenv.ts';

const TASK: ToldTask = {
  taskId: '019a9f3e-5c1e-7d55-b2b3-7a1f1c6a6a01',
  queue: 'sums',
  attempt: 2,
  maxAttempts: 5,
  delivery: 3,
  contentType: 'text/plain',
  metadata: {},
};

describe('describeTask()', () => {
  it('has a variable for each thing, and one for each pair of metadata whose name can be one', () => {
    const metadata = { order: '7', '2nd_try': '', 'order-id': 'x' };
    const { CONTACT_QUEUE: _queue, CONTACT_ATTEMPT: _attempt, ...told } = describeTask({ ...TASK, metadata }, {});
    assert.deepEqual(told, {
      CONTACT_TASK_ID: TASK.taskId,
      CONTACT_TASK_QUEUE: 'sums',
      CONTACT_TASK_ATTEMPT: '2',
      CONTACT_TASK_MAX_ATTEMPTS: '5',
      CONTACT_TASK_DELIVERY: '3',
      CONTACT_TASK_CONTENT_TYPE: 'text/plain',
      CONTACT_TASK_METADATA: '{"order":"7","2nd_try":"","order-id":"x"}',
      CONTACT_TASK_META_order: '7',
      CONTACT_TASK_META_2nd_try: '',
    });
  });

  it('sets nothing that means something to a shell or a loader, whatever a producer calls its metadata', () => {
    const names = ['PATH', 'LD_PRELOAD', 'BASH_FUNC_ls%%', 'a=b', 'a\nb', '', ' ', 'ä', '$(x)', '__proto__'];
    const metadata = Object.fromEntries(names.map((name) => [name, '() { :; }; echo']));
    const told = describeTask({ ...TASK, metadata }, {});
    const set = Object.keys(told).filter((name) => name.startsWith('CONTACT_TASK_META_'));
    assert.deepEqual(
      set,
      ['PATH', 'LD_PRELOAD', '__proto__'].map((name) => `CONTACT_TASK_META_${name}`),
    );
    assert.ok(Object.keys(told).every((name) => name.startsWith('CONTACT_')));
    assert.deepEqual(
      findLeftOut({ metadata }),
      names.filter((name) => !['PATH', 'LD_PRELOAD', '__proto__'].includes(name)),
    );
  });

  it('takes out what a command would inherit of another task', () => {
    const told = describeTask(TASK, { CONTACT_TASK_META_old: 'x', CONTACT_TASK_ID: 'old', CONTACT_SERVER: 's' });
    assert.ok('CONTACT_TASK_META_old' in told && told.CONTACT_TASK_META_old === undefined);
    assert.equal(told.CONTACT_TASK_ID, TASK.taskId);
    assert.ok(!('CONTACT_SERVER' in told));
  });

  it('fits into an environment with as much metadata as the contract takes, and the worst of it', () => {
    const pairs = Array.from({ length: 63 }, (_, n) => [`k${String(n).padStart(2, '0')}`, '\u0001'.repeat(256)]);
    const metadata = Object.fromEntries(pairs);
    const env = { ...process.env, ...describeTask({ ...TASK, metadata }, {}) };
    const length = execFileSync('sh', ['-c', 'printf %s "$CONTACT_TASK_META_k62" | wc -c'], { env });
    assert.equal(Number(length), 256);
  });
});

describe('createLeftOutTeller()', () => {
  it('tells once of each name, and of no more than somebody reads', () => {
    const said: string[] = [];
    const tell = createLeftOutTeller((line) => said.push(line));
    for (const name of ['order-id', 'order-id', 'fine']) tell({ metadata: { [name]: 'x' } });
    assert.deepEqual(said, ['metadata order-id: no variable can have it, CONTACT_TASK_METADATA has it']);
    for (let n = 0; n < 100; n++) tell({ metadata: { [`a-${n}`]: 'x' } });
    assert.equal(said.length, 20);
    assert.match(said.at(-1)!, /; of further names nothing is said$/);
  });
});

describe('parseBackoff()', () => {
  it('takes a base, or a base and a cap', () => {
    assert.deepEqual(parseBackoff('500ms'), { baseMs: 500 });
    assert.deepEqual(parseBackoff('10s,1h'), { baseMs: 10_000, capMs: 3_600_000 });
  });

  for (const [text, message] of [
    ['', /Expected/],
    ['0s', /more than 0ms/],
    ['5s,1s', /cap of at least 5s/],
    ['1s,', /Expected/],
    ['1s,2s,3s', /BASE or BASE,CAP/],
  ] as const)
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseBackoff(text), message));
});
