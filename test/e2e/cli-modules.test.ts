import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact } from '../scene/process.ts';

/** Writes the address of each module that the command loads to the file of MODULES_FILE. */
const RECORDER = `data:text/javascript,${encodeURIComponent(`
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.MODULES_FILE, url + '\\n');
    return next(url, context);
  },
});`)}`;

const NOWHERE = ['--server', '127.0.0.1:1', '--connect-timeout', '1ms'];
const WIRE = ['/@grpc/grpc-js/', '/@bufbuild/protobuf/', '/gen/', '/client/'];
const SERVER = ['/server/', 'node:sqlite', '/pino/', '/zod/'];
const OBSERVER = ['/rxjs/'];

/** The fewer modules a command loads, the sooner it begins; a time on a busy machine would show nothing. */
describe('the modules that a command loads', function () {
  this.timeout(120_000);
  cleanUpProcesses();

  const cases: {
    readonly args: readonly string[];
    readonly code: number;
    readonly without: readonly string[];
    readonly but?: readonly string[];
  }[] = [
    { args: ['--version'], code: 0, without: [...WIRE, ...SERVER, ...OBSERVER, '/cli/commands/', 'cli-progress'] },
    { args: ['--help'], code: 0, without: [...WIRE, ...SERVER, ...OBSERVER, '/cli/commands/', 'cli-progress'] },
    { args: ['frobnicate'], code: 2, without: [...WIRE, ...SERVER, ...OBSERVER, '/cli/commands/', 'cli-progress'] },
    {
      args: ['serve', '--help'],
      code: 0,
      without: [...WIRE, ...SERVER, ...OBSERVER, 'cli-progress'],
      // Its flags are made of the table of options.
      but: ['/server/config/', '/zod/'],
    },
    {
      args: ['tasks', 'list', ...NOWHERE],
      code: 3,
      without: [...SERVER, ...OBSERVER, '/client/worker', 'cli-progress'],
    },
    { args: ['queues', 'list', ...NOWHERE], code: 3, without: [...SERVER, ...OBSERVER, '/client/producer'] },
    {
      args: ['services', 'list', ...NOWHERE],
      code: 3,
      without: [...SERVER, ...OBSERVER, '/client/worker', '/client/producer', 'cli-progress'],
    },
    { args: ['top', '--once', ...NOWHERE], code: 3, without: [...SERVER, ...OBSERVER, '/client/producer'] },
    { args: ['enqueue', 'q', 'x', ...NOWHERE], code: 3, without: [...SERVER, ...OBSERVER, 'cli-progress'] },
    {
      args: ['call', 'a.B/C', '{}', ...NOWHERE],
      code: 3,
      without: [...SERVER, ...OBSERVER, '/client/worker', '/client/producer', 'cli-progress'],
    },
    { args: ['results', ...NOWHERE], code: 3, without: [...SERVER, '/client/worker', '/client/producer'] },
    {
      args: ['expose', '--to', '127.0.0.1:2', ...NOWHERE],
      code: 3,
      without: [...SERVER, '/client/producer', 'cli-progress'],
    },
    { args: ['work', 'q', ...NOWHERE, '--', 'cat'], code: 3, without: [...SERVER, '/client/producer', 'cli-progress'] },
  ];
  for (const { args, code, without, but = [] } of cases) {
    it(`of contact ${args.filter((word) => !NOWHERE.includes(word)).join(' ')} are only those that it needs`, async () => {
      const file = join(createFolder(), 'modules');
      const ended = await runContact(args, { nodeArgs: ['--import', RECORDER], env: { MODULES_FILE: file } });
      assert.equal(ended.code, code, ended.stderr);
      const loaded = readFileSync(file, 'utf8').trimEnd().split('\n');
      assert.ok(loaded.some((url) => url.endsWith('/cli/program.ts')));
      // A folder of the same name may be above this checkout.
      const root = new URL('../..', import.meta.url).href;
      const places = loaded.map((url) => url.replace(root, '/'));
      assert.deepEqual(
        places.filter(
          (place) => without.some((part) => place.includes(part)) && !but.some((part) => place.includes(part)),
        ),
        [],
      );
    });
  }
});
