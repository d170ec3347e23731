import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PHASES, type Phase } from '../../server/session/phases.ts';
import type { Session } from '../../server/session/session.ts';
import { ContactError } from '../../shared/errors.ts';
import { newSessionId } from '../../shared/ids.ts';
import { createModelStore } from '../model/store.ts';
import { isFull } from '../scene/full.ts';
import { type BareServer, createBareServer, SETTINGS } from './server.ts';

/** A thorough run takes twenty times as many. */
const scale = isFull ? 20 : 1;

const CLIENTS = ['a', 'b'];

type Act =
  | { readonly kind: 'register'; readonly client: number; readonly isNamed: boolean; readonly isResume: boolean }
  | { readonly kind: 'pair' | 'cut' | 'disconnect' | 'drain'; readonly client: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'turn' | 'restart' };

const client = fc.nat({ max: CLIENTS.length - 1 });
const acts = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('register' as const), client, isNamed: fc.boolean(), isResume: fc.boolean() }),
    fc.record({
      kind: fc.constantFrom('pair' as const, 'cut' as const, 'disconnect' as const, 'drain' as const),
      client,
    }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(10, 700, 2_000, SETTINGS.resumeWindowMs + 1) }),
    fc.record({ kind: fc.constantFrom('turn' as const, 'turn' as const, 'turn' as const, 'restart' as const) }),
  ),
  { maxLength: 40 },
);

/** What sessions have gone through, as `from to`. */
type Moves = Map<Session, string[]>;

/** Notes each move from now on, by whatever way it is made. */
function watchPhase(session: Session, moves: Moves): void {
  const seen: string[] = session.phase === 'full' ? ['plain full'] : [];
  let phase: Phase = session.phase;
  moves.set(session, seen);
  Object.defineProperty(session, 'phase', {
    get: () => phase,
    set(next: Phase) {
      seen.push(`${phase} ${next}`);
      phase = next;
    },
  });
}

/** What a run of acts does to the sessions of two clients. */
async function live(run: readonly Act[], moves: Moves): Promise<readonly unknown[]> {
  const server = await createBareServer(
    async () => createModelStore(),
    () => 0.5,
  );
  const newest = new Map<number, { readonly id: string; session: Session | null }>();

  function expectRefusal(error: unknown): void {
    if (!(error instanceof ContactError)) throw error;
  }

  function register(at: number, isNamed: boolean, isResume: boolean): void {
    const before = newest.get(at);
    const line = { id: newSessionId(), session: null as Session | null };
    newest.set(at, line);
    const resume = isResume && before ? { previousId: before.id, holding: [], isComplete: true } : null;
    const outlet = { peer: '', send: () => true, onDrain: () => undefined, end: () => undefined };
    server.registry
      .open({
        ...{ id: line.id, subject: '', clientId: CLIENTS[at]!, isNamed, isResumable: true, queues: ['q'], labels: {} },
        ...{ credit: 5, agent: '', resume, outlet },
      })
      .then((session) => {
        line.session = session;
        watchPhase(session, moves);
      })
      .catch(expectRefusal);
  }

  function pair(at: number): void {
    const sessionId = newest.get(at)?.id ?? newSessionId();
    const outlet = { isOver: () => false, end: () => undefined };
    server.registry.attachStatus({ sessionId, clientId: CLIENTS[at]!, subject: '' }, outlet).catch(expectRefusal);
  }

  async function act(one: Act): Promise<void> {
    switch (one.kind) {
      case 'register':
        return register(one.client, one.isNamed, one.isResume);
      case 'pair':
        return pair(one.client);
      case 'cut': {
        const session = newest.get(one.client)?.session;
        if (session) server.registry.disconnect(session);
        return;
      }
      case 'disconnect':
        return void server.registry.disconnectClient(CLIENTS[one.client]!);
      case 'drain':
        return void server.registry.clients.drain(CLIENTS[one.client]!).catch(expectRefusal);
      case 'wait':
        return server.clock.advance(one.ms);
      case 'turn':
        return server.turn();
      case 'restart':
        await server.rest();
        await server.restart();
    }
  }

  for (const one of run) await act(one);
  await settle(server);
  const { faults } = server;
  await server.close();
  return faults;
}

/** All windows are over. */
async function settle(server: BareServer): Promise<void> {
  await server.rest();
  server.clock.advance(SETTINGS.resumeWindowMs + 1);
  await server.rest();
}

describe('the phases of a session', () => {
  const legal = new Set(
    Object.entries(PHASES).flatMap(([from, row]) => Object.values(row).map((to) => `${from} ${to}`)),
  );

  it('change as the table says, whatever clients, operators and time do', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (run) => {
        const moves: Moves = new Map();
        assert.deepEqual(await live(run, moves), []);
        const illegal = [...moves.values()].flat().filter((move) => !legal.has(move));
        assert.deepEqual(illegal, []);
      }),
      { numRuns: 200 * scale },
    );
  });

  it('are all met in such runs', async () => {
    const moves: Moves = new Map();
    for (const run of fc.sample(acts, { numRuns: 150, seed: 1 })) await live(run, moves);
    assert.deepEqual(new Set([...moves.values()].flat()), legal);
  });
});
