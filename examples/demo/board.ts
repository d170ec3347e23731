import progress, { type Params, type SingleBar } from 'cli-progress';

export interface WorkerState {
  readonly name: string;
  done: number;
  running: number;
  isKilled: boolean;
}

/** What the demo shows while it runs. */
export interface BoardState {
  readonly total: number;
  enqueued: number;
  done: number;
  readonly workers: readonly WorkerState[];
}

export interface Board {
  /** A line that stays. */
  say(line: string): void;
  stop(): void;
}

const REFRESH_MS = 100;
const PLAIN_MS = 2_000;
const BAR_WIDTH = 30;

/** Bars on a terminal, else a line now and then. The state is read, never changed. */
export function createBoard(state: BoardState, stream: NodeJS.WriteStream): Board {
  return stream.isTTY ? createBars(state, stream) : createLines(state, stream);
}

function countRunning(state: BoardState): number {
  return state.workers.reduce((sum, worker) => sum + worker.running, 0);
}

function describeTotal(state: BoardState, startedAt: number): string {
  // The workers tell what they run ten times a second, so it may lag behind.
  const running = Math.min(countRunning(state), state.enqueued - state.done);
  const waiting = state.enqueued - state.done - running;
  const seconds = (performance.now() - startedAt) / 1_000;
  const rate = Math.round(state.done / Math.max(seconds, 0.001));
  return `waiting ${pad(waiting)}  running ${String(running).padStart(3)}  done ${pad(state.done)} of ${pad(state.total)}  ${pad(rate)}/s`;
}

function pad(count: number): string {
  return count.toLocaleString('en').padStart(6);
}

function createBars(state: BoardState, stream: NodeJS.WriteStream): Board {
  const startedAt = performance.now();
  const bars = new progress.MultiBar({
    stream,
    hideCursor: true,
    // Ctrl-C is the demo's own business: it has processes to end.
    gracefulExit: false,
    barsize: BAR_WIDTH,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    emptyOnZero: true,
    format: (options, params: Params, payload: { name?: string; text?: string }) =>
      `${(payload.name ?? '').padEnd(8)} ${progress.Format.BarFormat(params.progress, options)} ${payload.text ?? ''}`,
  });
  const totalBar = bars.create(state.total, 0, {});
  const workerBars = state.workers.map((worker): [WorkerState, SingleBar] => [worker, bars.create(state.total, 0, {})]);
  const refresh = (): void => {
    totalBar.update(state.done, { name: 'all', text: describeTotal(state, startedAt) });
    for (const [worker, bar] of workerBars) {
      const now = worker.isKilled ? 'killed with SIGKILL' : `running ${String(worker.running).padStart(3)}`;
      bar.update(worker.done, { name: worker.name, text: `done ${pad(worker.done)}  ${now}` });
    }
  };
  refresh();
  const timer = setInterval(refresh, REFRESH_MS);
  return {
    say: (line) => void bars.log(`${line}\n`),
    stop: () => {
      clearInterval(timer);
      refresh();
      bars.stop();
    },
  };
}

function createLines(state: BoardState, stream: NodeJS.WriteStream): Board {
  const startedAt = performance.now();
  const show = (): void => void stream.write(`${describeTotal(state, startedAt)}\n`);
  const timer = setInterval(show, PLAIN_MS);
  return {
    say: (line) => void stream.write(`${line}\n`),
    stop: () => {
      clearInterval(timer);
      show();
    },
  };
}
