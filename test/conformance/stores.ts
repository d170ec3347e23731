import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../server/store/open.ts';
import type { StoreBounds } from '../../server/store/options.ts';
import type { FreshLimits } from '../../server/store/sqlite/fresh/fresh.ts';
import type { Store } from '../../server/store/store.ts';
import { createModelStore } from '../model/store.ts';
import { createFolder } from '../scene/folder.ts';

/** Runs `suite` over every store; CONTACT_STORE=model (or sqlite, memory, rows) narrows it. `open` gives an empty store. */
export function describeStores(title: string, suite: (open: (bounds?: StoreBounds) => Promise<Store>) => void): void {
  for (const [name, openOne] of Object.entries(OPENERS)) {
    if (process.env.CONTACT_STORE && process.env.CONTACT_STORE !== name) continue;
    describe(`${title}, ${name} store`, () => {
      const opened: Store[] = [];
      afterEach(async () => {
        for (const store of opened.splice(0)) await store.close();
      });
      suite(async (bounds = {}) => {
        const store = await openOne(bounds);
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

const OPENERS: Readonly<Record<string, (bounds: StoreBounds) => Promise<Store>>> = {
  sqlite: async (bounds) => {
    const folder = createFolder();
    const store = await openStore(`sqlite:${join(folder, 'contact.db')}`, { node: 'test', bounds });
    return {
      ...store,
      close: async () => {
        await store.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
  memory: (bounds) => openStore('memory:', { node: 'test', bounds }),
  // Each task has its row from the beginning.
  rows: (bounds) => openStore('memory:', { node: 'test', fresh: NOTHING, bounds }),
  model: async (bounds) => createModelStore(bounds),
};
