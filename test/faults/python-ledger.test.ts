import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe } from 'mocha';
import { createAdmin } from '../../client/index.ts';
import { ROOT } from '../../scripts/tool.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, startServer } from '../scene/process.ts';
import { type Program, startProgram } from '../scene/program.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../scene/python.ts';
import { skipLoudly } from '../scene/skip.ts';
import { until } from '../scene/until.ts';
import { type Balance, checkLedger, type Entered, soundBalance } from './ledger.ts';

const KILLS = isFull ? 20 : 3;
const TASKS = 300 * (KILLS + 1);
const STUBS = ['contact/v1/contact.proto', 'contact/v1/task.proto', 'contact/v1/task_service.proto'];

/** Lines `WORD INPUT ID` of a program. */
function entriesOf({ lines }: Program, word: string): Entered[] {
  return lines
    .map((line) => line.split(' '))
    .filter(([first]) => first === word)
    .map(([, input, id = '']) => ({ input: Number(input), id }));
}

describe('a server that is killed again and again under Python clients from bare stubs', function () {
  this.timeout(isFull ? 300_000 : 60_000);
  const programs: Program[] = [];
  let python: string;
  let folder: string;

  before(function () {
    const found = findPython();
    if (found === undefined) return skipLoudly(this, PYTHON_NEEDS);
    python = found;
    folder = createFolder();
    generateStubs(folder, STUBS);
  });

  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.stop('SIGKILL')));
  });
  cleanUpProcesses();

  function start(role: string, address: string, number: number): Program {
    const script = join(ROOT, 'test', 'python', 'ledger.py');
    const environment = { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' };
    const program = startProgram(python, ['-u', script, role, address, String(number)], { folder, environment });
    programs.push(program);
    return program;
  }

  it('has exactly one result of each task that it acknowledged', async () => {
    const store = `sqlite:${join(folder, 'contact.db')}`;
    const args = ['--log-level', 'warn', '--resume-window', '2s'];
    let server = await startServer({ store, args });
    const { address } = server;
    const workers = [start('worker', address, 0), start('worker', address, 1)];
    const observer = start('observer', address, TASKS);
    const producer = start('producer', address, TASKS);
    const countBegun = (): number => workers.flatMap((worker) => entriesOf(worker, 'began')).length;
    for (let kill = 1; kill <= KILLS; kill += 1) {
      // In the midst of the next batches, with a worker that is back since the kill before.
      const begunBefore = countBegun();
      await until('a worker is back', () => countBegun() > begunBefore, 30_000);
      await producer.waitForLine(new RegExp(`^acknowledged ${(kill * TASKS) / (KILLS + 1)} `));
      await server.kill();
      server = await startServer({ store, args, listen: address });
    }
    await producer.succeed();
    await observer.succeed();
    const losses = workers.map(({ lines }) => lines.filter((line) => line.startsWith('lost ')).length);
    assert.ok(losses[0]! + losses[1]! >= KILLS, `workers lost the server ${losses.join(' and ')} times`);
    const { executedTwice, ...balance } = await balanceOf(producer, workers, observer, address);
    console.log(`    ${KILLS} kills, ${TASKS} tasks, ${executedTwice} executed twice`);
    const { executedTwice: _, ...sound } = soundBalance(TASKS);
    assert.deepEqual(balance, sound);
    assert.equal(observer.lines.at(-1), `same ${TASKS} ${TASKS}`, 'the observer has seen what the log has');
    assert.equal((await server.stop()).code, 0);
  });
});

async function balanceOf(
  producer: Program,
  workers: readonly Program[],
  observer: Program,
  address: string,
): Promise<Balance> {
  const sent = entriesOf(producer, 'sent');
  const inputs = new Map(sent.map(({ input, id }) => [id, input]));
  const inputOf = (id: string): number => inputs.get(id) ?? Number.NaN;
  const admin = createAdmin({ server: address });
  const stored: Entered[] = [];
  for await (const { id } of admin.listAllTasks({}, { pageSize: 500 })) stored.push({ input: inputOf(id), id });
  await admin.close();
  const accepted = observer.lines
    .map((line) => /^result (\S+) (\S+) (.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, state, id = '', result]) => {
      const input = inputOf(id);
      return { input, id, isRight: state === 'TASK_STATE_SUCCEEDED' && result === `did ${input}` };
    });
  return checkLedger({
    sent: sent.map(({ input }) => input),
    acknowledged: entriesOf(producer, 'acknowledged'),
    stored,
    executed: workers.flatMap((worker) => entriesOf(worker, 'began')),
    accepted,
  });
}
