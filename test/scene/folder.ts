import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];

/** A folder of its own. It goes away with `removeFolders`, at the latest when the run ends. */
export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'contact-test-'));
  folders.push(folder);
  return folder;
}

/** Removes every folder that was created until now. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

process.on('exit', removeFolders);

/** Where a database may lie: a folder of its own for each test of the `describe` that calls this. */
export interface Place {
  readonly folder: string;
  readonly file: string;
}

export function preparePlace(): Place {
  const folders: string[] = [];
  beforeEach(() => void folders.push(createFolder()));
  // At last: hooks of the same `describe` close their stores before.
  after(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folders.at(-1)!;
    },
    get file() {
      return join(folders.at(-1)!, 'contact.db');
    },
  };
}
