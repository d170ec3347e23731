import type { Clock } from '../shared/clock.ts';
import { ContactError } from '../shared/errors.ts';
import { lineOf } from '../shared/text.ts';
import { adviseTrouble, describeTrouble, isFault } from './trouble.ts';

/** A server that is starting answers sooner; a program that waits longer is told what for. */
const QUIET_MS = 2_000;

/** What is between a connection and its server, and the line that says so to a program that gave no logger. */
export interface Outage {
  /** Why the last try to connect failed; null: the server has answered since, or no try has failed. */
  readonly trouble: ContactError | null;
  /** Somebody waits for the server. */
  await(): void;
  failed(error: ContactError): void;
  /** The server has answered. */
  end(): void;
  close(): void;
}

export interface OutageOptions {
  readonly clock: Clock;
  /** As it is called at the moment. */
  readonly server: () => string;
  readonly isEncrypted: boolean;
  /** There is a connection, whatever was said over it. */
  readonly isConnected: () => boolean;
  /** Told once for each outage that lasts; null: a logger hears of every try. */
  readonly tell: ((line: string) => void) | null;
}

export function createOutage({ clock, server, isEncrypted, isConnected, tell }: OutageOptions): Outage {
  let trouble: ContactError | null = null;
  let isAwaited = false;
  let cancel = (): void => {};

  function notify(): void {
    if (!trouble && isConnected()) {
      // A long call over a connection that stands is no outage; the next try is watched again.
      isAwaited = false;
      return;
    }
    const isTold = trouble?.isMarked || trouble?.advice;
    const what = isTold ? `${server()} does not take this client yet` : `no answer from ${server()} yet`;
    const why = trouble ? `: ${lineOf(trouble.message)}` : '';
    const said = trouble && isFault(trouble) ? lineOf(trouble.message) : `${what}${why}`;
    tell?.(`contact: ${said}; trying on (the option \`logger\` replaces this line)`);
  }

  function reset(): void {
    cancel();
    isAwaited = false;
    trouble = null;
  }

  return {
    get trouble() {
      return trouble;
    },
    await() {
      if (isAwaited || !tell) return;
      isAwaited = true;
      cancel = clock.after(QUIET_MS, notify);
    },
    failed(error) {
      trouble = forPeople(error, isEncrypted);
    },
    end: reset,
    close: () => cancel(),
  };
}

/** An error as people read it; a call that was given up for want of an answer says no more than that. */
function forPeople(error: ContactError, isEncrypted: boolean): ContactError {
  if (isFault(error)) return error;
  const isSilence = error.code === 'CANCELLED' && !error.isMarked;
  const described = isSilence ? 'no answer' : describeTrouble(error, isEncrypted);
  // What the server itself has said needs no guess.
  const message = error.isMarked ? described : `${described}${adviseTrouble(described)}`;
  return new ContactError(isSilence ? 'UNAVAILABLE' : error.code, message, {
    cause: error,
    isMarked: error.isMarked,
    ...(error.advice ? { advice: error.advice } : {}),
  });
}
