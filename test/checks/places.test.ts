import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import type { TaskState } from '../../server/model/task.ts';

const STORE = join(ROOT, 'server/store/sqlite');
/** The file that it is in. */
const BESIDE = join(ROOT, 'server/store');

/** Why what a page names `file: name` is not there; undefined: the file has a function, a method or a type of this name. */
function findMissing(file: string, name: string): string | undefined {
  const path = /^(file|act)\//.test(file) ? join(BESIDE, file) : join(STORE, file);
  if (!existsSync(path)) return `${file}: there is no such file`;
  const defines = new RegExp(
    `\\b(?:function|interface|type|class|const) ${name}\\b|^ {4}${name}(?:[(,]|: )|return \\{[^}]*\\b${name}\\b`,
    'm',
  );
  return defines.test(readFileSync(path, 'utf8')) ? undefined : `${file}: has no ${name}`;
}

describe('docs/where-a-task-can-be.md', () => {
  const page = readFileSync(join(ROOT, 'docs/where-a-task-can-be.md'), 'utf8');
  const names = [...page.matchAll(/`([\w/]+\.ts): (\w+)`/g)].map(([, file, name]) => [file!, name!] as const);

  it('names files and functions that are there', () => {
    assert.ok(names.length > 40);
    assert.deepEqual(
      names.flatMap(([file, name]) => findMissing(file, name) ?? []),
      [],
    );
    assert.equal(findMissing('fresh/gone.ts', 'add'), 'fresh/gone.ts: there is no such file');
    assert.equal(findMissing('fresh/waiting.ts', 'gone'), 'fresh/waiting.ts: has no gone');
  });

  it('has a place for every state that is not settled, and one for those that are', () => {
    const states = [...page.matchAll(/^\| (scheduled|ready|running|settled) \|/gm)].map(([, state]) => state!);
    const all: readonly (TaskState | 'settled')[] = ['scheduled', 'ready', 'running', 'settled'];
    assert.deepEqual([...new Set(states)], all);
  });

  it('speaks of every table that says something of a task', () => {
    const schema = readFileSync(join(BESIDE, 'file', 'migrations.ts'), 'utf8');
    const tables = [...schema.matchAll(/CREATE TABLE (\w+) /g)].map(([, name]) => name!);
    const others = [
      'queue',
      'principal',
      'lane',
      'session',
      'client',
      'credential',
      'broadcast',
      'checkpoint',
      'history',
    ];
    const spoken = tables.filter((table) => !others.includes(table));
    assert.ok(spoken.length > 5);
    for (const table of spoken) assert.match(page, new RegExp(`\`${table}[\`.]`), table);
  });
});
