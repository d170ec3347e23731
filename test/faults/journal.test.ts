import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses } from '../scene/process.ts';
import { openJournal, readJournal, type Sent } from './journal.ts';

const ENTRY: Sent = { kind: 'sent', input: 1 };

describe('openJournal()', () => {
  cleanUpProcesses();

  it('keeps what was written', () => {
    const path = join(createFolder(), 'journal');
    const journal = openJournal(path);
    journal.write([ENTRY]);
    journal.close();
    assert.deepEqual(readJournal(path), [ENTRY]);
  });

  it('writes into nobody else’s file once it is closed, nor closes it', () => {
    const folder = createFolder();
    const journal = openJournal(join(folder, 'journal'));
    journal.close();
    // The kernel hands out the lowest number that is free: these have the journal's.
    const paths = Array.from({ length: 16 }, (_, n) => join(folder, `other-${n}`));
    const others = paths.map((path) => openSync(path, 'w'));
    journal.write([ENTRY]);
    journal.close();
    for (const other of others) closeSync(other);
    assert.deepEqual(new Set(paths.map((path) => readFileSync(path, 'utf8'))), new Set(['']));
  });
});
