import type { AdminService, classic, health, reflection, TaskService } from '../../gen/index.ts';
import type { Flow } from './pull.ts';

/** A message without anything large, about. */
const SMALL_BYTES = 256;
/** A message that has only a cursor, about. */
const CURSOR_BYTES = 32;
/** Bytes of an answer of reflection, at most about: all files. */
const FILES_BYTES = 64 << 10;

type Tasks = typeof TaskService.method;

export const WATCH_TASK: Flow<Tasks['watchTask']> = {
  weigh({ event }) {
    if (event?.case !== 'task') return SMALL_BYTES;
    const { payload, result } = event.value;
    return SMALL_BYTES + (payload?.byteLength ?? 0) + (result?.byteLength ?? 0);
  },
  keep: () => ({}),
};

export const WATCH_RESULTS: Flow<Tasks['watchResults']> = {
  weigh({ events = [] }) {
    let bytes = events.length === 0 ? CURSOR_BYTES : 0;
    for (const { result } of events) bytes += SMALL_BYTES + (result?.byteLength ?? 0);
    return bytes;
  },
  // Where to go on from, again; who does not follow is at the end in no time.
  keep: ({ follow }, { cursor = '' }) => (follow ? { cursor } : undefined),
};

export const BACK_UP: Flow<(typeof AdminService.method)['backUp']> = {
  weigh: ({ event }) => SMALL_BYTES + (event?.case === 'chunk' ? event.value.byteLength : 0),
  keep: () => ({}),
};

export const HEALTH_WATCH: Flow<(typeof health.Health.method)['watch']> = { weigh: () => 7 };

export const CLASSIC_STATUS: Flow<(typeof classic.Contact.method)['sendStatus']> = { weigh: () => 16 };

export const REFLECTION: Flow<(typeof reflection.ServerReflection.method)['serverReflectionInfo']> = {
  weigh: () => FILES_BYTES,
};
