import { RequestError, send } from './request.ts';

// Server-sent events over `fetch`, since an EventSource sends no token. An outage is bridged: each new request says which event
// came last, and the server goes on after it.

export interface ServerEvent {
  readonly id: string;
  readonly data: string;
}

export interface EventsOptions {
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly signal: AbortSignal;
  /** Events that came together. */
  readonly onEvents: (events: readonly ServerEvent[]) => void;
  /** Whether events come; why not. */
  readonly onState: (state: 'open' | 'lost', error?: RequestError) => void;
}

/** Pauses before another try: they grow, and end at the last. */
const PAUSES_MS: readonly number[] = [500, 1_000, 2_000, 5_000];
/** An event that is longer is not of this server: the stream is ended. */
const MAX_EVENT_LENGTH = 32 * 1_024 * 1_024;

/** Follows a stream of events until the signal ends it. Rejects with what the server refuses for good. */
export async function followEvents(path: string, options: EventsOptions): Promise<void> {
  const { signal, onState } = options;
  let last = '';
  let failures = 0;
  while (!signal.aborted) {
    try {
      last = await readStream(path, options, last, () => {
        failures = 0;
        onState('open');
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof StreamEnded) last = error.last;
      else if (!(error instanceof RequestError) || !isPassing(error)) throw error;
      onState('lost', error instanceof RequestError ? error : undefined);
    }
    const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)]!;
    failures += 1;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** The line was cut after this event. */
class StreamEnded extends Error {
  readonly last: string;

  constructor(last: string) {
    super('The stream has ended');
    this.last = last;
  }
}

const isPassing = ({ code }: RequestError): boolean =>
  ['UNREACHABLE', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED', '502', '503', '504'].includes(code);

async function readStream(
  path: string,
  { query, signal, onEvents }: EventsOptions,
  from: string,
  onOpen: () => void,
): Promise<never> {
  const response = await send('GET', path, {
    query,
    signal,
    headers: { accept: 'text/event-stream', ...(from && { 'last-event-id': from }) },
  });
  if (response.status === 204 || response.body === null)
    throw new RequestError('OUT_OF_RANGE', 'The server has another store now: load the page anew.');
  onOpen();
  let last = from;
  let rest = '';
  try {
    for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) break;
      const parts = (rest + value).split('\n\n');
      rest = parts.pop() ?? '';
      if (rest.length > MAX_EVENT_LENGTH) break;
      const events = parts.flatMap(readEvent);
      if (events.length === 0) continue;
      last = events.at(-1)!.id || last;
      onEvents(events);
    }
  } catch {
    // It was cut: another stream goes on after the last event that came whole.
  }
  throw new StreamEnded(last);
}

/** One event; none, if it is a comment that keeps the line open. */
export function readEvent(text: string): readonly ServerEvent[] {
  const fields: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === undefined) continue;
    fields[name] = name in fields ? `${fields[name]}\n${value}` : value;
  }
  return fields.data === undefined ? [] : [{ id: fields.id ?? '', data: fields.data }];
}
