import { join } from 'node:path';
import { createAccess } from '../../client/index.ts';
import { besideStore } from '../../shared/storefiles.ts';
import type { System } from '../system.ts';
import { createContact, type Part } from './contact.ts';

// contact with one part more, or one less: what they cost shows beside `contact` in one interleaved run (`parts`).

const PRELOADS = join(import.meta.dirname, '..', 'preload');

function createVariant(name: string, settings: string, part: Part): System {
  return {
    ...createContact(part),
    name,
    settings: `contact, ${settings}`,
    abilities: ['tasks'],
    concurrencies: [1_000],
    isByName: true,
  };
}

/** Everybody says who they are: the gate looks at each call, and queues and clients are looked up in its rights. */
export const contactToken = createVariant('contact-token', '--auth on, a token in each call, no TLS', {
  serve: ['--auth', 'on'],
  async reach(server, store) {
    const access = createAccess({ server: `unix:${besideStore(store, 'operatorSocket')}` });
    try {
      const roles = ['worker', 'producer', 'operator'] as const;
      const { token } = await access.createToken({ name: 'bench', roles, queues: ['*'], clients: ['*'] });
      return { server, token };
    } finally {
      await access.close();
    }
  },
});

export const contactTls = createVariant('contact-tls', '--tls auto --auth off', {
  serve: ['--tls', 'auto', '--auth', 'off'],
  reach: async (server, store) => ({ server, caFile: besideStore(store, 'authority') }),
});

/** `contact` itself has the API of OpenTelemetry and no tracer, for it is installed beside it here. */
export const contactUntraced = createVariant('contact-untraced', 'without @opentelemetry/api', {
  preload: join(PRELOADS, 'untraced.ts'),
});

export const contactTraced = createVariant('contact-traced', 'each span made and thrown away, in all processes', {
  preload: join(PRELOADS, 'traced.ts'),
});
