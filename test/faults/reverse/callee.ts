import { Buffer } from 'node:buffer';
import { Metadata } from '@grpc/grpc-js';
import { type CallContext, createWorker } from '../../../client/index.ts';
import { Echo } from '../../echo/gen/echo_pb.ts';
import { openLines } from './journal.ts';
import { CALL_KEY, FAIL_CODE, FAIL_DETAILS, FAIL_KEY, INITIAL_KEY, SLEEP_KEY, TRAILING_KEY } from './plan.ts';

// A callee as a program of its own: node callee.ts '{"server": …}'. Prints `serving` once; SIGTERM drains it.

export interface CalleeOrder {
  readonly server: string;
  /** Where its lines go, and under which name. */
  readonly folder: string;
  readonly name: string;
  readonly clientId: string;
  readonly maxCalls: number;
  readonly labels: Readonly<Record<string, string>>;
}

const order = JSON.parse(process.argv[2]!) as CalleeOrder;
const lines = openLines(order.folder, order.name);

const textOf = ({ metadata }: CallContext, key: string): string => String(metadata.get(key)[0] ?? '');

async function prepare(context: CallContext): Promise<void> {
  const id = textOf(context, CALL_KEY);
  const headers = new Metadata();
  headers.set(INITIAL_KEY, id);
  context.sendHeaders(headers);
  context.trailers.set(TRAILING_KEY, Buffer.from(id));
  const sleepMs = Number(textOf(context, SLEEP_KEY));
  if (sleepMs > 0) {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, sleepMs);
      context.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(context.signal.reason);
      });
    });
  }
  if (textOf(context, FAIL_KEY) !== '') {
    throw Object.assign(new Error('told'), { code: FAIL_CODE, details: FAIL_DETAILS });
  }
}

/** Notes that a handler was entered; the answer, that it has ended. */
function note(context: CallContext): () => void {
  const about = { id: textOf(context, CALL_KEY), isKept: textOf(context, 'contact-task') !== '' };
  lines.write({ kind: 'began', ...about });
  return () => lines.write({ kind: 'finished', ...about });
}

async function run<T>(context: CallContext, answer: () => Promise<T>): Promise<T> {
  const finished = note(context);
  try {
    await prepare(context);
    return await answer();
  } finally {
    finished();
  }
}

async function* runStream<T>(context: CallContext, answers: () => AsyncIterable<T>): AsyncGenerator<T> {
  const finished = note(context);
  try {
    await prepare(context);
    yield* answers();
  } finally {
    finished();
  }
}

const worker = createWorker({
  server: order.server,
  clientId: order.clientId,
  labels: order.labels,
  concurrency: 8,
  backoff: { baseMs: 20, capMs: 250 },
  keepaliveMs: 250,
  logger: { info: () => {}, warn: (message) => console.error(message) },
});
worker.serve(
  Echo,
  {
    unary: ({ body }, context) => run(context, async () => ({ body })),
    down: ({ body, count }, context) =>
      runStream(context, async function* () {
        for (let at = 0; at < count; at++) yield { body, count: at };
      }),
    up: (requests, context) =>
      run(context, async () => {
        let messages = 0;
        let bytes = 0;
        for await (const { body } of requests) {
          messages += 1;
          bytes += body.byteLength;
        }
        return { messages, bytes: BigInt(bytes) };
      }),
    chat: (requests, context) =>
      runStream(context, async function* () {
        for await (const { body } of requests) yield { body };
      }),
  },
  { maxCalls: order.maxCalls },
);
worker.status$.subscribe(({ state }) => {
  if (state === 'connected') console.log('serving');
});
process.on('SIGTERM', () => void worker.drain());
await worker.finished;
