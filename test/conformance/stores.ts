import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import type { FreshLimits } from '../../server/store/sqlite/fresh/fresh.ts';
import type { Store } from '../../server/store/store.ts';
import { createModelStore } from '../model/store.ts';

/** Runs `suite` over every store; CONTACT_STORE=model (or sqlite, memory, rows) narrows it. `open` gives an empty store. */
export function describeStores(title: string, suite: (open: () => Promise<Store>) => void): void {
  for (const [name, openOne] of Object.entries(OPENERS)) {
    if (process.env.CONTACT_STORE && process.env.CONTACT_STORE !== name) continue;
    describe(`${title}, ${name} store`, () => {
      const opened: Store[] = [];
      afterEach(async () => {
        for (const store of opened.splice(0)) await store.close();
      });
      suite(async () => {
        const store = await openOne();
        opened.push(store);
        return store;
      });
    });
  }
}

const NOTHING: FreshLimits = {
  ready: 0,
  soon: 0,
  keptBytes: 0,
  behind: 1,
  step: 1,
  shortest: 1,
  claims: 0,
  runs: 0,
};

const OPENERS: Readonly<Record<string, () => Promise<Store>>> = {
  sqlite: async () => {
    const folder = createFolder();
    const store = await openStore(`sqlite:${join(folder, 'contact.db')}`, { node: 'test' });
    return {
      ...store,
      close: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
  memory: () => openStore('memory:', { node: 'test' }),
  // Each task has its row from the beginning.
  rows: () => openStore('memory:', { node: 'test', fresh: NOTHING }),
  model: async () => createModelStore(),
};

export function createFolder(): string {
  return mkdtempSync(join(tmpdir(), 'contact-store-'));
}

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
    for (const folder of folders) rmSync(folder, { recursive: true });
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
