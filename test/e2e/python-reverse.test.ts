import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { startCallee, untilServed } from '../scene/callers.ts';
import { closeScene } from '../scene/end.ts';
import { createFolder, removeFolders } from '../scene/folder.ts';
import { type Program, startProgram } from '../scene/program.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../scene/python.ts';
import { startScene } from '../scene/server.ts';

const SERVER = join(ROOT, 'test', 'python', 'echo_server.py');
const CALLER = join(ROOT, 'test', 'python', 'echo_caller.py');

describe('a caller in Python with ordinary stubs', function () {
  this.timeout(120_000);
  let python: string;
  let folder: string;
  let programs: Program[] = [];

  before(function () {
    const found = findPython();
    if (found === undefined) {
      console.warn(`    SKIPPED: ${PYTHON_NEEDS}`);
      return this.skip();
    }
    python = found;
    folder = createFolder();
    generateStubs(folder, ['contact/v1/reverse.proto']);
    generateStubs(folder, ['echo.proto'], join(ROOT, 'test', 'echo'));
  });

  afterEach(async () => {
    for (const program of programs.splice(0)) await program.stop('SIGKILL');
    await closeScene();
  });

  after(removeFolders);

  function start(...args: readonly string[]): Program {
    const program = startProgram(python, ['-u', ...args], { folder, environment: { PYTHONPATH: folder } });
    programs.push(program);
    return program;
  }

  async function call(address: string): Promise<readonly string[]> {
    const caller = start(CALLER, address);
    await caller.succeed();
    programs = programs.filter((program) => program !== caller);
    return caller.lines;
  }

  async function callDirectly(): Promise<readonly string[]> {
    const [, address] = await start(SERVER, 'direct').waitForLine(/^serving (.+)$/);
    return call(address!);
  }

  it('is told the same through contact by a callee in Python from bare stubs as directly', async () => {
    const direct = await callDirectly();
    const { address } = await startScene({ pingIntervalMs: 2_000 });
    await start(SERVER, 'callee', address).waitForLine(/^serving$/);
    await untilServed(address, 'python');
    assert.deepEqual(await call(address), direct);
  });

  it('is told by a callee of the SDK what a server in Python tells it, but for what the handlers say in their own words', async () => {
    const direct = await callDirectly();
    const { address } = await startScene({ pingIntervalMs: 2_000 });
    await startCallee(address);
    const told = await call(address);
    const isOwn = (line: string): boolean => line.startsWith('metadata');
    assert.deepEqual(
      told.filter((line) => !isOwn(line)),
      direct.filter((line) => !isOwn(line)),
    );
  });
});
