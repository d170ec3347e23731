import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkImports } from '../../scripts/imports.ts';
import { readImports } from '../../scripts/modules.ts';
import { ROOT } from '../../scripts/tool.ts';
import { readTree, writeTree } from '../../scripts/tree.ts';
import { createFolder } from '../scene/folder.ts';

describe('checkImports()', () => {
  /** Problems of a tree that holds these files, text by path. */
  function check(files: Readonly<Record<string, string>>): string[] {
    const root = createFolder();
    const manifest = '{ "name": "x", "dependencies": { "rxjs": "7", "@grpc/grpc-js": "1" } }';
    try {
      writeTree(root, new Map([['package.json', manifest], ...Object.entries(files)]));
      return checkImports(root);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }

  /** Problems of two files, the first importing the second. */
  function checkImport(from: string, to: string): string[] {
    const up = '../'.repeat(from.split('/').length - 1) || './';
    return check({ [from]: `import '${up}${to}';\n`, [to]: '' });
  }

  it('accepts imports that point right', () => {
    const right = ['transport', 'api', 'session', 'dispatch', 'store', 'model'].map((layer) => `server/${layer}/a.ts`);
    const pairs = right.flatMap((from, at) => right.slice(at + 1).map((to) => [from, to] as const));
    for (const [from, to] of pairs) assert.deepEqual(checkImport(from, to), [], `${from} imports ${to}`);
  });

  it('refuses imports that point left', () => {
    assert.match(checkImport('server/store/a.ts', 'server/dispatch/b.ts').join(), /server.store. may import/);
    assert.match(checkImport('server/dispatch/a.ts', 'server/transport/b.ts').join(), /server.dispatch. may import/);
    assert.match(checkImport('server/api/a.ts', 'server/transport/b.ts').join(), /server.api. may import/);
    assert.match(checkImport('server/session/deep/a.ts', 'server/transport/b.ts').join(), /server.session. may import/);
    assert.match(checkImport('server/store/a.ts', 'server/server.ts').join(), /composition root/);
    assert.match(checkImport('server/model/a.ts', 'server/odd/b.ts').join(), /server.odd. has no row/);
  });

  it('lets the dashboard have types of JSON lines, and what it is made of, and nothing else', () => {
    const types = { 'scripts/json/task.ts': '' };
    const shapes = "import type * as z from 'zod';\nimport type * as task from '../scripts/json/task.ts';\n";
    assert.deepEqual(check({ ...types, 'dashboard/shapes.ts': shapes }), []);
    assert.deepEqual(check({ 'dashboard/main.tsx': "import { render } from 'preact';\n" }), []);
    assert.match(checkImport('dashboard/a.tsx', 'shared/b.ts').join(), /runs in a browser/);
    assert.match(checkImport('dashboard/screens/a.tsx', 'client/b.ts').join(), /runs in a browser/);
    assert.match(check({ 'dashboard/a.ts': "import { z } from 'zod';\n" }).join(), /is made of/);
    assert.match(checkImport('server/web/a.ts', 'dashboard/b.ts').join(), /not published/);
  });

  it('keeps server, client, cli and shared apart', () => {
    const allowed = [
      'client shared',
      'client gen',
      'cli client',
      'cli gen',
      'server shared',
      'testing server',
      'testing client',
    ];
    const refused = [
      'server client',
      'server cli',
      'client server',
      'client cli',
      'cli server',
      'shared client',
      'shared gen',
      'client testing',
      'server testing',
      'cli testing',
    ];
    const path = (folder: string): string => (folder === 'server' ? 'server/server.ts' : `${folder}/a.ts`);
    const problems = (pair: string): string[] => {
      const [from = '', to = ''] = pair.split(' ');
      return checkImport(path(from), path(to));
    };
    for (const pair of allowed) assert.deepEqual(problems(pair), [], pair);
    for (const pair of refused) assert.equal(problems(pair).length, 1, pair);
  });

  it('lets a folder with a door be entered by it alone', () => {
    const rows = 'server/store/sqlite/rows';
    assert.deepEqual(checkImport('server/store/sqlite/engine.ts', `${rows}/index.ts`), []);
    assert.deepEqual(checkImport(`${rows}/index.ts`, `${rows}/catalog.ts`), []);
    assert.match(
      checkImport('server/store/sqlite/engine.ts', `${rows}/catalog.ts`).join(),
      /entered by index.ts alone/,
    );
  });

  it('lets the model of the tests have the rules about deliveries by itself', () => {
    const files = [...readTree(join(ROOT, 'test/model'))];
    assert.ok(files.length > 5);
    for (const [path, text] of files) {
      const rules = readImports(text).filter((specifier) => /model\/(delivery|holding|turns)\.ts$/.test(specifier));
      assert.deepEqual(rules, [], path);
    }
  });

  it('keeps the wire out of the inner layers', () => {
    assert.deepEqual(checkImport('server/transport/a.ts', 'gen/index.ts'), []);
    assert.match(checkImport('server/dispatch/a.ts', 'gen/index.ts').join(), /does not know the wire/);
  });

  it('lets only the serve command import the server', () => {
    assert.deepEqual(checkImport('cli/serve.ts', 'server/index.ts'), []);
    assert.match(checkImport('cli/work.ts', 'server/index.ts').join(), /cli. may import/);
    assert.match(checkImport('cli/serve.ts', 'server/server.ts').join(), /cli. may import/);
  });

  it('keeps what is not published out of what is', () => {
    assert.match(checkImport('shared/a.ts', 'test/b.ts').join(), /not published/);
    assert.deepEqual(checkImport('test/a.ts', 'server/store/b.ts'), []);
  });

  it('finds a cycle', () => {
    const problems = check({
      'shared/a.ts': `import './b.ts';`,
      'shared/b.ts': `export { c } from './c.ts';`,
      'shared/c.ts': `import type { A } from './a.ts';`,
    });
    assert.deepEqual(problems, ['cycle: shared/a.ts → shared/b.ts → shared/c.ts → shared/a.ts']);
  });

  it('finds a file over 300 lines, but not in gen/', () => {
    const long = '// line\n'.repeat(301);
    const problems = check({ 'test/long.ts': long, 'gen/long.ts': long, 'shared/right.ts': long.slice(8) });
    assert.deepEqual(problems, ['test/long.ts: 301 lines, at most 300']);
  });

  it('finds a room with too many imports between its files', () => {
    const parts = Array.from({ length: 84 }, (_, at) => `server/store/sqlite/part${at}.ts`);
    const door = parts.map((_, at) => `export * from './part${at}.ts';\n`);
    const files = Object.fromEntries(parts.map((part) => [part, `import '../file/database.ts';\n`]));
    const rest = { ...files, 'server/store/file/database.ts': '' };
    const checkDoor = (count: number) =>
      check({ ...rest, 'server/store/sqlite/door.ts': door.slice(0, count).join('') });
    assert.deepEqual(checkDoor(83), []);
    assert.deepEqual(checkDoor(84), ['server/store/sqlite: 84 imports between its files, at most 83']);
  });

  it('finds a package that is not in dependencies', () => {
    const text = `import 'node:fs'; import 'rxjs/operators'; import '@grpc/grpc-js'; import 'left-pad/x';`;
    const problems = check({ 'client/a.ts': text, 'bench/a.ts': text });
    assert.deepEqual(problems, ['client/a.ts: left-pad is not in dependencies']);
  });

  it('keeps what carries requests out of the rooms behind the door', () => {
    const grpc = "import '@grpc/grpc-js';\n";
    assert.deepEqual(check({ 'server/transport/a.ts': grpc, 'client/a.ts': grpc, 'server/a.ts': grpc }), []);
    for (const room of ['api', 'session', 'dispatch', 'store/sqlite', 'model']) {
      const path = `server/${room}/a.ts`;
      assert.match(check({ [path]: grpc }).join(), /imports @grpc\/grpc-js: server\/\w+\/ does not know it/, path);
    }
  });

  it('keeps it out also by way of another room', () => {
    const files = {
      'server/model/a.ts': "import '../../shared/b.ts';\n",
      'server/store/a.ts': "import '../model/a.ts';\n",
      'server/transport/a.ts': "import '../../shared/b.ts';\n",
      'shared/b.ts': "import './c.ts';\n",
      'shared/c.ts': '',
    };
    assert.deepEqual(check(files), []);
    assert.deepEqual(check({ ...files, 'shared/c.ts': "import '@grpc/grpc-js';\n" }), [
      'server/model/a.ts: imports shared/b.ts, which loads @grpc/grpc-js: its room does not know it',
    ]);
  });

  it('finds an import of a file that is not there', () => {
    assert.match(check({ 'client/a.ts': `import './b.ts';` }).join(), /there is no such file/);
  });
});

describe('readImports()', () => {
  it('reads every form of an import', () => {
    const source = `
      import a from './1';
      import { type b, c as d } from "./2";
      import type * as e from './3';
      import './4';
      export * from './5';
      export * as f from './6';
      export { g } from './7';
      export type { h } from './8';
      const i = await import('./9');
      type J = import('./10').J;`;
    assert.deepEqual(
      readImports(source),
      Array.from({ length: 10 }, (_, at) => `./${at + 1}`),
    );
  });

  it('sees no import in comments, strings, templates and regular expressions', () => {
    const source = [
      `// import './1';`,
      `/* import './2'; */`,
      `const a = "import './3';";`,
      "const b = `export * from './4'`;",
      `const c = /[/'"]/.test(x) ? 1 / 2 : y.split(/'/);`,
      `export const from = './5';`,
      `x.import('./6');`,
      `import './7';`,
    ].join('\n');
    assert.deepEqual(readImports(source), ['./7']);
  });
});
