import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { readConfigFile } from '../../server/config/file.ts';
import {
  type AnyRow,
  ConfigurationError,
  flagOf,
  keyOf,
  openConfiguration,
  ROWS,
  renderConfiguration,
  SERVER_ROWS,
  type Sources,
  showValue,
  variableOf,
} from '../../server/config/index.ts';
import { text } from '../../server/config/kinds.ts';
import { row } from '../../server/config/row.ts';
import { DEFAULTS } from '../../server/options.ts';
import { createFolder, removeFolders } from '../scene/folder.ts';

const KEYS: ReadonlySet<string> = new Set(Object.keys(ROWS).map(keyOf));

async function read(given: { file?: string; environment?: Sources['environment']; flags?: Record<string, string[]> }) {
  const file = join(createFolder(), 'contact.yaml');
  if (given.file !== undefined) writeFileSync(file, given.file);
  const readIt = await openConfiguration({
    environment: given.environment ?? {},
    flags: new Map(Object.entries(given.flags ?? {})),
    ...(given.file === undefined ? {} : { file }),
  });
  return readIt();
}

async function problemsOf(given: Parameters<typeof read>[0]): Promise<string[]> {
  try {
    await read(given);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.map((problem) => problem.replace(/^.*\/(?=contact\.yaml)/, ''));
  }
}

describe('openConfiguration()', () => {
  after(removeFolders);

  it('has the defaults of createServer() when nobody says anything', async () => {
    const { values, settings } = await read({});
    assert.deepEqual(Object.fromEntries(Object.entries(values).filter(([name]) => name in SERVER_ROWS)), DEFAULTS);
    assert.ok(settings.every(({ origin }) => origin === 'default'));
  });

  it('lets a flag outweigh the environment, and that the file, and tells where each came from', async () => {
    const file = 'max-payload: 2MiB\nmax-result: 2MiB\nresume-window: 20s\n';
    const environment = { CONTACT_MAX_RESULT: '3MiB', CONTACT_RESUME_WINDOW: '30s' };
    const { values, settings } = await read({ file, environment, flags: { resumeWindowMs: ['1.5m'] } });
    assert.deepEqual(
      [values.maxPayloadBytes, values.maxResultBytes, values.resumeWindowMs],
      [2 << 20, 3 << 20, 90_000],
    );
    const origins = new Map(settings.map(({ name, origin }) => [name as string, origin]));
    assert.match(origins.get('maxPayloadBytes')!, /contact\.yaml:1$/);
    assert.equal(origins.get('maxResultBytes'), 'CONTACT_MAX_RESULT');
    assert.equal(origins.get('resumeWindowMs'), '--resume-window');
    assert.equal(origins.get('maxInFlight'), 'default');
  });

  it('takes the file that the environment names, unless a flag names another', async () => {
    const [one, other] = ['1KiB', '2KiB'].map((size) => {
      const path = join(createFolder(), 'contact.yaml');
      writeFileSync(path, `max-payload: ${size}`);
      return path;
    });
    const environment = { CONTACT_CONFIG: one };
    const flags = new Map();
    assert.equal((await openConfiguration({ environment, flags }))().values.maxPayloadBytes, 1_024);
    assert.equal((await openConfiguration({ environment, flags, file: other! }))().values.maxPayloadBytes, 2_048);
  });

  it('reads lists of a file, of commas, and of a flag that is repeated', async () => {
    assert.deepEqual((await read({ file: 'listen: ["a:1", unix:/x]' })).values.listen, ['a:1', 'unix:/x']);
    assert.deepEqual((await read({ file: 'listen:\n  - a:1\n  - b:2' })).values.listen, ['a:1', 'b:2']);
    assert.deepEqual((await read({ file: 'listen: a:1' })).values.listen, ['a:1']);
    assert.deepEqual((await read({ environment: { CONTACT_LISTEN: 'a:1,b:2' } })).values.listen, ['a:1', 'b:2']);
    assert.deepEqual((await read({ flags: { listen: ['a:1', 'b:2'] } })).values.listen, ['a:1', 'b:2']);
  });

  it('refuses everything that is wrong at once, with file, line and key', async () => {
    const file = [
      'max-payload: banana',
      'max-resul: 1MiB',
      'resume-window: 30',
      'store:',
      'log-level: loud',
      'log-level: info',
      'retain-max: -1',
      'listen: []',
      'node: [a, b]',
      'classic-settle-on-write: yes',
    ].join('\n');
    assert.deepEqual(
      await problemsOf({ file, environment: { CONTACT_PING_INTERVAL: '0s' }, flags: { minFreeBytes: ['1.5B'] } }),
      [
        'contact.yaml:2: max-resul: there is no such option; did you mean max-result?',
        'contact.yaml:4: store: Expected a value, or a list of values',
        'contact.yaml:6: log-level: stands in line 5 already',
        'contact.yaml:1: max-payload: Expected a size such as 4096, 64KiB, 1MiB or 2GiB, from 1 to 64MiB, got "banana"',
        'contact.yaml:3: resume-window: Expected a duration such as 500ms, 10s, 5m, 1h or 2d, from 1ms to 24d, got "30"',
        'contact.yaml:5: log-level: Expected one of debug, info, warn, error, silent, got "loud"',
        'contact.yaml:7: retain-max: Expected a whole number, from 0 to 4294967295, got "-1"',
        'contact.yaml:8: listen: Expected HOST:PORT, such as 127.0.0.1:50051, or unix:PATH, PATH of at most 107 bytes, got nothing',
        'contact.yaml:9: node: Expected [A-Za-z0-9._:/-], 1 to 128 characters, got "a", "b"',
        'contact.yaml:10: classic-settle-on-write: Expected true or false, got "yes"',
        'CONTACT_PING_INTERVAL: Expected a duration such as 500ms, 10s, 5m, 1h or 2d, from 1ms to 24d, got "0s"',
        '--min-free: Expected a size such as 4096, 64KiB, 1MiB or 2GiB, at least 0, got "1.5B"',
      ],
    );
  });

  it('refuses a wrong value that another outweighs', async () => {
    assert.equal((await problemsOf({ file: 'max-payload: x', flags: { maxPayloadBytes: ['1MiB'] } })).length, 1);
  });

  it('takes a variable that is set to nothing for one that is not set', async () => {
    assert.equal((await read({ environment: { CONTACT_STORE: '', CONTACT_CONFIG: '' } })).values.store, DEFAULTS.store);
  });

  it('warns of a variable that is nearly an option’s, and of no other', async () => {
    const environment = {
      CONTACT_MAX_PAYLAOD: '1',
      CONTACT_SERVER: 'a:1',
      CONTACT_TOKEN: 'x',
      CONTACT_SERVICE_HOST: '10.0.0.1',
      CONTACT_PORT_50051_TCP_ADDR: '10.0.0.1',
      PATH: '/bin',
    };
    assert.deepEqual((await read({ environment })).warnings, [
      'CONTACT_MAX_PAYLAOD is no option, and is not read; CONTACT_MAX_PAYLOAD is one',
    ]);
  });
});

describe('readConfigFile()', () => {
  after(removeFolders);

  function readText(given: string): ReturnType<typeof readConfigFile> {
    const path = join(createFolder(), 'c');
    writeFileSync(path, given);
    const { entries, problems } = readConfigFile(path, KEYS);
    return { entries, problems: problems.map((problem) => problem.replace(path, 'c')) };
  }
  const problems = (given: string): readonly string[] => readText(given).problems;

  it('takes a file without lines', () => {
    for (const given of ['', '# only a comment\n', '---\n']) {
      assert.deepEqual(readText(given), { entries: [], problems: [] }, JSON.stringify(given));
    }
  });

  it('refuses what is not lines of KEY: VALUE, naming the line', () => {
    assert.deepEqual(problems('just words'), ['c:1: Expected lines of KEY: VALUE']);
    assert.deepEqual(problems('\n- store'), ['c:2: Expected lines of KEY: VALUE']);
    assert.deepEqual(problems('store: a\n---\nnode: b'), ['c:2: Expected one document']);
    assert.match(problems('store: a\n\tnode: b')[0]!, /^c:2: /);
    assert.match(problems('store: "a')[0]!, /^c:1: /);
    assert.match(problems('store: memory:')[0]!, /^c:1: .*written in quotes$/);
    assert.match(problems('node: !!int 3')[0]!, /^c:1: Unresolved tag/);
  });

  it('refuses values that are no words: maps, links, lists in lists', () => {
    for (const value of ['{a: b}', '*x', '[[a]]', '[a, {b: c}]', '']) {
      const [problem, ...more] = problems(`node: &x a\nstore: ${value}`);
      assert.deepEqual([problem, more], ['c:2: store: Expected a value, or a list of values', []], value);
    }
  });

  it('tells twenty things that are wrong and no more, in little time and space', async () => {
    const many = Array.from({ length: 5_000 }, (_, n) => `k${n}: x`).join('\n');
    const told = await problemsOf({ file: many });
    assert.deepEqual([told.length, told.at(-1)], [21, 'and more of the kind']);
    const brackets = await problemsOf({ file: `store: ${'['.repeat(50_000)}` });
    assert.ok(brackets.length <= 21, `${brackets.length}`);
    const [long = ''] = await problemsOf({ file: `${'k'.repeat(100_000)}: x` });
    assert.ok(long.length < 300, `${long.length}`);
    const texts = await problemsOf({ file: `max-payload: [${'x, '.repeat(10_000)}x]` });
    assert.ok(texts.join().length < 300, `${texts.join().length}`);
    const [large = ''] = await problemsOf({ file: `# ${'x'.repeat(200_000)}` });
    assert.match(large, /contact\.yaml has 200002 bytes, at most 131072 are expected$/);
  });

  it('keeps numbers and words as they were written', () => {
    const { entries } = readText('retain-max: 1000000\nnode: 007\nstore: "sqlite:a b"\nlog-level: off');
    assert.deepEqual(
      entries.map(({ texts }) => texts[0]),
      ['1000000', '007', 'sqlite:a b', 'off'],
    );
  });
});

describe('the table of options', () => {
  it('gives each option names of its own', () => {
    for (const nameOf of [flagOf, keyOf, variableOf]) {
      const names = Object.keys(ROWS).map(nameOf);
      assert.equal(new Set(names).size, names.length);
    }
    assert.deepEqual(['maxPayloadBytes', 'resumeWindowMs', 'slowLineBytesPerSecond'].map(variableOf), [
      'CONTACT_MAX_PAYLOAD',
      'CONTACT_RESUME_WINDOW',
      'CONTACT_SLOW_LINE',
    ]);
  });

  it('has defaults that are read as they are written', () => {
    for (const [name, { kind, default: value }] of Object.entries<AnyRow>(ROWS)) {
      const texts = kind.write(value);
      if (texts.length > 0) assert.deepEqual(kind.write(kind.read(texts)), texts, name);
      assert.equal(kind.values.has(value), true, name);
    }
  });
});

describe('renderConfiguration()', () => {
  after(removeFolders);

  it('writes a file that says the same', async () => {
    const given = await read({
      flags: { listen: ['127.0.0.1:0', 'unix:/a b#c'], store: ['sqlite:x: y'], node: ['a'], retainMax: ['0'] },
    });
    assert.deepEqual((await read({ file: renderConfiguration(given) })).values, {
      ...given.values,
      maxConnections: given.values.maxConnections,
    });
  });
});

describe('showValue()', () => {
  it('shows no secret and no password', () => {
    const kind = text('x', 'words');
    assert.equal(showValue(row({ kind, default: '', isSecret: true, description: '' }), 'hush'), '(set)');
    assert.equal(
      showValue(row({ kind, default: '', description: '' }), 'postgres://me:hush@db/contact'),
      'postgres://me:***@db/contact',
    );
  });
});
