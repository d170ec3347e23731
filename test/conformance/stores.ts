import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import type { FreshLimits } from '../../server/store/sqlite/fresh/fresh.ts';
import type { Store } from '../../server/store/store.ts';
import { createModelStore } from '../model/store.ts';
import { createFolder } from '../scene/folder.ts';

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
  payloadBytes: 0,
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
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
  memory: () => openStore('memory:', { node: 'test' }),
  // Each task has its row from the beginning.
  rows: () => openStore('memory:', { node: 'test', fresh: NOTHING }),
  model: async () => createModelStore(),
};
