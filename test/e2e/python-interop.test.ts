import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createWorker } from '../../client/index.ts';
import { ROOT } from '../../scripts/tool.ts';
import { startCallee, untilServed } from '../scene/callers.ts';
import { closeScene, useWorker } from '../scene/end.ts';
import { describeEcho } from '../scene/exposed.ts';
import { createFolder, removeFolders } from '../scene/folder.ts';
import { type Program, startProgram } from '../scene/program.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from '../scene/python.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { skipLoudly } from '../scene/skip.ts';

const SERVER = join(ROOT, 'test', 'python', 'echo_server.py');
/** A callee from bare stubs. */
const EXAMPLES = join(ROOT, 'examples', 'reverse', 'python');
const CALLER = join(ROOT, 'test', 'python', 'interop_caller.py');

/** What the caller was told: the code of the status alone, where its words are whose they are that notice first. */
interface Transcript {
  readonly status: string | readonly [code: string, details: string];
}

/** By the title of the case. */
type Transcripts = ReadonlyMap<string, Transcript>;

describe('a caller in Python with ordinary stubs', function () {
  this.timeout(240_000);
  let python: string;
  let folder: string;
  let programs: Program[] = [];
  let direct: Transcripts;

  before(async function () {
    const found = findPython();
    if (found === undefined) return skipLoudly(this, PYTHON_NEEDS);
    python = found;
    folder = createFolder();
    generateStubs(folder, ['contact/v1/reverse.proto', 'contact/v1/contact.proto', 'contact/v1/task.proto']);
    generateStubs(folder, ['echo.proto'], join(ROOT, 'test', 'echo'));
    const server = start(SERVER, 'direct');
    const [, address] = await server.waitForLine(/^serving (.+)$/);
    direct = await call(address!);
    await server.stop('SIGKILL');
  });

  afterEach(async () => {
    for (const program of programs.splice(0)) await program.stop('SIGKILL');
    await closeScene();
  });

  after(removeFolders);

  function start(...args: readonly string[]): Program {
    const program = startProgram(python, ['-u', ...args], {
      folder,
      environment: { PYTHONPATH: `${folder}:${EXAMPLES}` },
    });
    programs.push(program);
    return program;
  }

  async function call(address: string): Promise<Transcripts> {
    const caller = start(CALLER, address);
    await caller.succeed();
    programs = programs.filter((program) => program !== caller);
    return new Map(caller.lines.map((line) => JSON.parse(line) as [string, Transcript]));
  }

  function compare(
    told: Transcripts,
    { words = {} }: { readonly words?: Readonly<Record<string, string>> } = {},
  ): void {
    assert.ok(direct.size > 0);
    assert.deepEqual([...told.keys()], [...direct.keys()]);
    for (const [title, transcript] of direct) {
      const { status } = transcript;
      const [code, details] = typeof status === 'string' ? [status] : status;
      const expected = typeof status === 'string' ? status : [code, words[code] ?? details];
      assert.deepEqual(told.get(title), { ...transcript, status: expected }, title);
    }
  }

  it('is told by a callee in Python from bare stubs what it is told directly', async () => {
    const { address } = await startScene({ pingIntervalMs: 2_000 });
    await start(SERVER, 'callee', address).waitForLine(/^serving$/);
    await untilServed(address, 'python');
    compare(await call(address));
  });

  it('is told by a callee of the SDK what a server in Python tells it', async () => {
    const { address } = await startScene({ pingIntervalMs: 2_000 });
    await startCallee(address);
    // Where a server in Python says nothing, it says what servers of grpc-js say.
    compare(await call(address), { words: { OK: 'OK' } });
  });

  it('is told by a server in Python that is exposed what it is told directly', async () => {
    const [, target] = await start(SERVER, 'direct').waitForLine(/^serving (.+)$/);
    const { address } = await startScene({ pingIntervalMs: 2_000 });
    const worker = useWorker(createWorker(connectTo(address)));
    await worker.expose({ to: target!, descriptors: describeEcho() });
    compare(await call(address));
  });
});
