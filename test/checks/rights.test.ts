import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { admissionOf } from '../../server/access/methods.ts';
import { methodPath } from '../../shared/grpc.ts';
import { ACCESS_ROWS, type AccessRow, type Foreign } from '../scene/accessrows.ts';
import { isTitleIn } from './limits.ts';

const page = readFileSync(join(ROOT, 'docs', 'rights.md'), 'utf8');

const WORDS = { anybody: 'anybody', authenticated: 'whoever is known', join: 'who has a join' } as const;

function tellForeign(foreign: Foreign | undefined): string {
  if (foreign === undefined) return '';
  return foreign === 'unseen' ? 'as if there were none' : `\`${foreign}\``;
}

/** The lines of the table, of what the server goes by and of what the matrix of tests asks it. */
function writeTable(): string[] {
  return ACCESS_ROWS.flatMap(([service, rows]) =>
    service.methods.map((method) => {
      const { queue, client } = rows[method.localName] as AccessRow;
      const admission = admissionOf(methodPath(method));
      const by = typeof admission === 'string' ? WORDS[admission] : admission.join(', ');
      return `| \`${service.typeName}/${method.name}\` | ${by} | ${tellForeign(queue)} | ${tellForeign(client)} |`;
    }),
  );
}

describe('docs/rights.md', () => {
  it('has the table of who may call what', () => {
    const lines = page.split('\n').filter((line) => /^\| `[\w.]+\/\w+` /.test(line));
    assert.deepEqual(lines, writeTable());
  });

  it('is of the same opinion as the matrix of tests', () => {
    for (const [service, rows] of ACCESS_ROWS) {
      for (const method of service.methods) {
        assert.deepEqual(admissionOf(methodPath(method)), (rows[method.localName] as AccessRow).by, method.name);
      }
    }
  });

  it('names tests that there are', () => {
    for (const [row, file, title] of page.matchAll(/`(test\/[^`]+\.ts)`: ([^|;\n]+?)(?=;| \|$)/gm)) {
      assert.ok(existsSync(join(ROOT, file!)) && isTitleIn(title!, readFileSync(join(ROOT, file!), 'utf8')), row);
    }
  });
});
