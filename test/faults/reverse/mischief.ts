import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '../chance.ts';
import type { Player, Scene } from './scene.ts';

/** What was done, to whom, and how long it lasted, by the wall clock. */
export interface Mischief {
  readonly what: string;
  /** `server`, or the title of a player. */
  readonly whom: string;
  readonly from: number;
  readonly to: number;
}

export interface MischiefOptions {
  readonly scene: Scene;
  readonly chance: Chance;
  /** They are not killed. */
  readonly spared: ReadonlySet<Player | 'server'>;
  /** What was done is added to it. */
  readonly done: Mischief[];
  /** No more begins. */
  readonly signal: AbortSignal;
}

/** At most so many milliseconds between two of them, and of one. */
const PAUSE_MS = 600;
const LONG_MS = 1_200;
const SHORT_MS = 500;
/** Those that are under way at a time. */
const HANDS = 2;

type Act = (chance: Chance) => Promise<void>;

const titleOf = (player: Player): string => player.name.slice(0, player.name.indexOf('.'));

async function pauseProcess(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await sleep(ms);
  process.kill(pid, 'SIGCONT');
}

function actsOn(player: Player, mayKill: boolean): Readonly<Record<string, Act>> {
  const { proxy, role } = player;
  /** A line in good weather again; what is torn is cut. */
  const mend = (isTorn: boolean): void => {
    if (isTorn) proxy.cut();
    for (const direction of ['toServer', 'toClient'] as const) {
      proxy.release(direction);
      proxy.throttle(direction, 0);
      proxy.delay(direction, 0);
    }
    proxy.accept();
  };
  return {
    ...(mayKill ? { kill: (chance) => player.restart(chance.between(0, SHORT_MS)) } : {}),
    stop: (chance) => pauseProcess(player.process.pid, chance.between(20, role === 'callee' ? LONG_MS : SHORT_MS)),
    cut: async () => proxy.cut(),
    async refuse(chance) {
      proxy.refuse();
      proxy.cut();
      await sleep(chance.between(20, SHORT_MS));
      proxy.accept();
    },
    async stall(chance) {
      const direction = chance.next() < 0.5 ? 'toServer' : 'toClient';
      proxy.stall(direction);
      await sleep(chance.between(20, LONG_MS));
      mend(false);
    },
    async swallow(chance) {
      proxy.swallow('toServer');
      if (chance.next() < 0.5) proxy.swallow('toClient');
      await sleep(chance.between(20, LONG_MS));
      mend(true);
    },
    async halfClose(chance) {
      proxy.halfClose(chance.next() < 0.5 ? 'toServer' : 'toClient');
      await sleep(chance.between(20, SHORT_MS));
      mend(true);
    },
    async slow(chance) {
      proxy.throttle('toServer', chance.between(50, 500));
      proxy.throttle('toClient', chance.between(50, 500));
      await sleep(chance.between(100, LONG_MS));
      mend(false);
    },
  };
}

/** Does one thing after the other to whom chance picks, until it is told to stop; resolves when all is well again. */
export async function makeMischief({ scene, chance, spared, done, signal }: MischiefOptions): Promise<void> {
  const busy = new Set<string>();
  const serverActs: Record<string, Act> = {
    stop: (draw) => pauseProcess(scene.server.pid, draw.between(20, SHORT_MS)),
    ...(spared.has('server') ? {} : { kill: (draw) => scene.restartServer(draw.between(0, 200)) }),
  };

  async function act(): Promise<void> {
    const players = [...scene.callees, ...scene.callers];
    // The server is one of them all, a little more often.
    const at = chance.between(-1, players.length - 1);
    const player = players[at];
    const whom = player ? titleOf(player) : 'server';
    const acts = Object.entries(player ? actsOn(player, !spared.has(player)) : serverActs);
    const [what, run] = acts[chance.between(0, acts.length - 1)]!;
    if (busy.has(whom)) return;
    busy.add(whom);
    const from = Date.now();
    await run(chance);
    done.push({ what, whom, from, to: Date.now() });
    busy.delete(whom);
  }

  async function go(): Promise<void> {
    while (!signal.aborted) {
      await sleep(chance.between(20, PAUSE_MS));
      if (!signal.aborted) await act();
    }
  }

  await Promise.all(Array.from({ length: HANDS }, go));
}
