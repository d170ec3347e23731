import { computed, signal } from '@preact/signals';
import { readCaller, readServer } from './api.ts';
import { RequestError } from './request.ts';
import type { Caller, Server } from './shapes.ts';

// Whom the server takes this page for, and how the server is. What the page offers goes by these rights; what is done, the server
// decides by itself.

const EVERY_MS = 5_000;

export const caller = signal<Caller | undefined>(undefined);
export const server = signal<Server | undefined>(undefined);
/** Why the server was not reached or did not answer last; undefined: it did. */
export const outage = signal<string | undefined>(undefined);

const has = (role: Caller['rights']['roles'][number]): boolean => caller.value?.rights.roles.includes(role) ?? false;

export const isOperator = computed(() => has('operator'));
export const mayEnqueue = computed(() => has('producer') || has('operator'));
export const mayCancel = mayEnqueue;
/** Lists of queues, clients and failures, and the stream of results. */
export const mayObserve = computed(() => has('observer') || has('operator'));

/** Milliseconds by which the clock of the server is ahead of that of the browser. */
let aheadMs = 0;
/** The server's clock, a tick each second. */
export const now = signal(Date.now());

/** Looks after the server until the answer is called. */
export function watchServer(): () => void {
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ticks = setInterval(() => {
    now.value = Date.now() + aheadMs;
  }, 1_000);
  const look = async (): Promise<void> => {
    try {
      const [who, what] = await Promise.all([readCaller(ended.signal), readServer(ended.signal)]);
      if (ended.signal.aborted) return;
      aheadMs = what.now === undefined ? 0 : Date.parse(what.now) - Date.now();
      if (JSON.stringify(caller.value) !== JSON.stringify(who)) caller.value = who;
      server.value = what;
      outage.value = undefined;
    } catch (error) {
      if (ended.signal.aborted) return;
      outage.value = error instanceof RequestError ? error.message : String(error);
    }
    timer = setTimeout(() => void look(), EVERY_MS);
  };
  void look();
  return () => {
    ended.abort();
    clearTimeout(timer);
    clearInterval(ticks);
  };
}
