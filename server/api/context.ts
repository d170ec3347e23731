import { Observable } from 'rxjs';
import { ContactError } from '../../shared/errors.ts';
import type { Caller } from '../model/caller.ts';

/** What a handler knows of a call beside its requests, whatever carries it. */
export interface Context {
  readonly caller: Caller;
  /** Aborted with a ContactError once nobody waits for an answer any more, or the server goes. */
  readonly signal: AbortSignal;
  /** When the caller gives up, by the wall clock; Infinity: never. */
  readonly deadlineAt: number;
  /** Address and port of the other end. */
  readonly peer: string;
  /** One text value that came beside the request, by its name in lower case; undefined: not there or empty. */
  header(name: string): string | undefined;
  /**
   * Sends the head of the answer, so that a proxy on the way sees that the call is served although its answer takes
   * long.
   */
  beginAnswer(): void;
}

const GONE = new ContactError('CANCELLED', 'the caller has gone');
const LATE = new ContactError('DEADLINE_EXCEEDED', 'the answer was not there in time');

/** The deadline ends a call on both sides; which of them the caller hears of first must not matter. */
export function whyGone(deadlineAt: number, now: number): ContactError {
  return deadlineAt <= now ? LATE : GONE;
}

/** Whether it was the caller that gave up, and not the server that goes. */
export function isAbandoned({ reason }: AbortSignal): boolean {
  return reason === GONE || reason === LATE;
}

/** Calls `run` once when the signal is aborted, at once if it is already; the answer takes it back. */
export function whenAborted(signal: AbortSignal, run: () => void): () => void {
  if (signal.aborted) run();
  else signal.addEventListener('abort', run, { once: true });
  return () => signal.removeEventListener('abort', run);
}

/** Emits once when the signal is aborted, at once if it is already. */
export function aborted$(signal: AbortSignal): Observable<void> {
  return new Observable((subscriber) =>
    whenAborted(signal, () => {
      subscriber.next();
      subscriber.complete();
    }),
  );
}
