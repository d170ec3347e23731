import type { Admin } from '../../client/index.ts';
import { pause } from '../../client/pause.ts';
import { systemClock } from '../../shared/clock.ts';
import type { CommandContext } from '../context.ts';
import { exitOnDeadlySignals, onStopSignal } from '../signals.ts';
import { type Browse, pressKey, scrollTo } from './browse.ts';
import { type Key, onKey } from './keys.ts';
import { arrange, namesOf, type Rows } from './rows.ts';
import { openScreen } from './screen.ts';
import { rateQueues, type Snapshot, takeSnapshot } from './snapshot.ts';
import { type Frame, layOut, renderTop } from './view.ts';

/** A look at thousands of queues takes its time, of which server and terminal are to be left most. */
const REST_PER_LOOK = 9;

/** A process that is stopped gets no further within this time. */
const UNSTOPPED_MS = 100;

export interface LiveOptions {
  readonly admin: Admin;
  /** What was seen already. */
  readonly first: Snapshot;
  readonly browse: Browse;
  readonly server: string;
  /** Milliseconds between two looks. */
  readonly refreshMs: number;
}

/** Shows what there is until somebody ends it; gives the terminal back whatever happens. */
export async function showLive(options: LiveOptions, { out, input }: CommandContext): Promise<void> {
  const { admin, server, refreshMs } = options;
  const stop = new AbortController();
  const quit = (): void => stop.abort();
  let { first: snapshot, browse } = options;
  let rates: ReadonlyMap<string, number> | null = null;
  let trouble: string | null = null;
  let drawing: Promise<void> | null = null;
  let isStale = false;

  const screen = openScreen(out);

  function arrangeRows(): Rows {
    return arrange(snapshot, browse, { now: snapshot.at, rates });
  }

  function frameOf(rows: Rows): Frame {
    return { snapshot, rates, server, browse, rows, trouble };
  }

  /** A terminal that takes nothing (Ctrl-S) is waited for, and then shown the newest. */
  function draw(): void {
    isStale = drawing !== null;
    if (isStale) return;
    const written = screen.draw(renderTop(frameOf(arrangeRows()), screen.size()));
    if (!written) return;
    drawing = written.then(() => {
      drawing = null;
      if (isStale) draw();
    });
  }

  function press(key: Key): void {
    if (key === 'quit' || (key === 'q' && !browse.isTyping)) quit();
    else if (key === 'suspend') suspend();
    else ask(key);
  }

  function ask(key: Key): void {
    const rows = arrangeRows();
    const { heights } = layOut(frameOf(rows), screen.size());
    const { focus } = browse;
    const shown = { names: namesOf(rows, focus), height: Math.max(1, heights[focus]) };
    const next = pressKey(browse, key, shown);
    const look = next.looks[focus];
    browse = { ...next, looks: { ...next.looks, [focus]: { ...look, offset: scrollTo(look, shown) } } };
    draw();
  }

  /** Ctrl-Z, which comes as a key: the shell has the terminal until it wakes this process. */
  function suspend(): void {
    releaseKeys();
    screen.leave();
    process.kill(process.pid, 'SIGTSTP');
    // Where no shell would wake it, it was not stopped.
    setTimeout(resume, UNSTOPPED_MS);
  }

  /** Others may have had the terminal. */
  function resume(): void {
    if (stop.signal.aborted) return;
    releaseKeys();
    releaseKeys = onKey(input, press);
    screen.leave();
    screen.enter();
    draw();
  }

  async function look(): Promise<void> {
    try {
      const next = await takeSnapshot(admin);
      rates = rateQueues(snapshot, next);
      snapshot = next;
      trouble = null;
    } catch (error) {
      const age = Math.round((Date.now() - snapshot.at) / 1_000);
      trouble = `no answer for ${age} s, this is old: ${(error as Error).message}`;
    }
  }

  let releaseKeys = onKey(input, press);
  const releases = [
    () => releaseKeys(),
    onStopSignal(quit),
    exitOnDeadlySignals(),
    out.onResize(draw),
    () => process.off('SIGCONT', resume),
    screen.close,
  ];
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  out.closed.addEventListener('abort', quit);
  process.on('SIGCONT', resume);
  try {
    draw();
    let tookMs = 0;
    while (!stop.signal.aborted) {
      await pause(systemClock, Math.max(refreshMs, REST_PER_LOOK * tookMs), stop.signal);
      if (stop.signal.aborted) break;
      const beganAt = performance.now();
      await Promise.race([look(), stopped]);
      tookMs = trouble === null ? performance.now() - beganAt : 0;
      draw();
    }
  } finally {
    for (const release of releases) release();
  }
}
