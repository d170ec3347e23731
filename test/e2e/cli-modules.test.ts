import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, type ProcessOptions, runContact, startContact } from '../scene/process.ts';

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
const SERVER = ['/server/', 'node:sqlite', '/pino/', '/yaml/', '/jose/'];
const OBSERVER = ['/rxjs/'];
/** What no server needs: schemas, the whole of jose with its encryption, the commands' own, the SDK. */
const UNUSED = ['/zod/', '/jose/dist/webapi/index.js', '/jose/dist/webapi/jwe/', 'cli-progress', '/client/'];

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
      but: ['/server/config/'],
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
      const ended = await runContact(args, recordIn(file));
      assert.equal(ended.code, code, ended.stderr);
      assert.deepEqual(findLoaded(file, without, but), []);
    });
  }

  const optional: { readonly title: string; readonly args: readonly string[]; readonly loaded: readonly string[] }[] = [
    { title: 'has no file, no JWTs and no metrics', args: [], loaded: [] },
    { title: 'has a file and metrics', args: ['--metrics', '127.0.0.1:0'], loaded: ['/yaml/', '/prom-client/'] },
  ];
  for (const { title, args, loaded } of optional) {
    it(`of a contact serve that ${title} are only those that it needs`, async () => {
      const folder = createFolder();
      const file = join(folder, 'modules');
      const configuration = join(folder, 'contact.yaml');
      writeFileSync(configuration, 'log-level: warn\n');
      const given = loaded.length > 0 ? [...args, '--config', configuration] : args;
      const server = startContact(['serve', '--listen', '127.0.0.1:0', '--store', 'memory:', ...given], recordIn(file));
      await server.waitFor(/^listening /m, 'stdout');
      await server.stop();
      const parts = ['/yaml/', '/prom-client/', ...UNUSED];
      assert.deepEqual(
        parts.filter((part) => findLoaded(file, [part]).length > 0),
        loaded,
      );
    });
  }
});

function recordIn(file: string): ProcessOptions {
  return { nodeArgs: ['--import', RECORDER], env: { MODULES_FILE: file } };
}

/** Of the modules that were loaded, those of these places. */
function findLoaded(file: string, without: readonly string[], but: readonly string[] = []): string[] {
  const loaded = readFileSync(file, 'utf8').trimEnd().split('\n');
  assert.ok(loaded.some((url) => url.endsWith('/cli/program.ts')));
  // A folder of the same name may be above this checkout.
  const root = new URL('../..', import.meta.url).href;
  return loaded
    .map((url) => url.replace(root, '/'))
    .filter((place) => without.some((part) => place.includes(part)) && !but.some((part) => place.includes(part)));
}
