import { Buffer } from 'node:buffer';
import { Metadata, status } from '@grpc/grpc-js';
import type { CallContext, ServiceHandlers } from '../../client/index.ts';
import type { Echo } from '../echo/gen/echo_pb.ts';

/** What a callee of the tests was asked to do beside echoing, and heard. */
export interface EchoLog {
  /** Calls that were aborted, by their method. */
  readonly aborted: string[];
  /** Messages that `Chat` and `Up` have read. */
  readCount: number;
}

/** Resolves once the caller has gone. */
function untilAborted({ signal }: CallContext): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
}

/** A pair of metadata in JSON: the value of a key that ends in `-bin` is base64. */
type JsonPair = readonly [key: string, value: string];

/** What a body of `!do ` and this in JSON asks for. */
interface Steps {
  readonly headers?: readonly JsonPair[];
  readonly trailers?: readonly JsonPair[];
  /** The call ends with this code, `message` and `details` (base64), instead of with an answer. */
  readonly code?: status;
  readonly message?: string;
  readonly details?: string;
  /** The body of the answer is the pairs of metadata that came, those that begin with `x-`; else it is the body that came. */
  readonly tell?: boolean;
}

const DO = '!do ';
const DETAILS_KEY = 'grpc-status-details-bin';

function addPairs(metadata: Metadata, pairs: readonly JsonPair[] = []): Metadata {
  for (const [key, value] of pairs) metadata.add(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  return metadata;
}

/** What came, in the order of keys, and under each in its own. */
function tell(metadata: Metadata): Buffer {
  const all = Object.entries(metadata.toJSON()).filter(([key]) => key.startsWith('x-'));
  const pairs = all.flatMap(([key, values]) =>
    values.map((value) => [key, Buffer.isBuffer(value) ? value.toString('base64') : value]),
  );
  return Buffer.from(JSON.stringify(pairs.sort(([a], [b]) => (String(a) < String(b) ? -1 : Number(a !== b)))));
}

/** Does what a body says that begins with `!do `; answers the body of the answer. */
function follow(body: Uint8Array, context: CallContext): Uint8Array {
  if (!Buffer.from(body.subarray(0, DO.length)).equals(Buffer.from(DO))) return body;
  const { headers, trailers, code, message, details, ...asked } = JSON.parse(
    Buffer.from(body).toString().slice(DO.length),
  ) as Steps;
  if (headers) context.sendHeaders(addPairs(new Metadata(), headers));
  addPairs(context.trailers, trailers);
  if (code !== undefined) {
    const metadata = details === undefined ? new Metadata() : addPairs(new Metadata(), [[DETAILS_KEY, details]]);
    throw Object.assign(new Error('asked for'), { code, details: message, metadata });
  }
  return asked.tell ? tell(context.metadata) : body;
}

/**
 * Handlers of the echo service. A body `!metadata` is answered with what came, `!status` with an odd status, `!sleep`
 * never; one that begins with `!throw ` throws the rest of it, one with `!do ` has `Steps`.
 */
export function createEcho(log: EchoLog = { aborted: [], readCount: 0 }): ServiceHandlers<typeof Echo> {
  async function obey(body: Uint8Array, context: CallContext): Promise<Uint8Array> {
    const text = body.byteLength < 100 ? Buffer.from(body).toString() : '';
    if (text === '!metadata') {
      const headers = new Metadata();
      for (const value of context.metadata.get('x-initial')) headers.add('x-initial', value);
      context.sendHeaders(headers);
      for (const value of context.metadata.get('x-trailing-bin')) context.trailers.add('x-trailing-bin', value);
      const { deadline, caller } = context;
      return Buffer.from(JSON.stringify({ ...context.metadata.toJSON(), deadline, caller }));
    }
    if (text === '!status') {
      const metadata = new Metadata();
      metadata.set('grpc-status-details-bin', Buffer.from([8, 9, 255]));
      throw Object.assign(new Error('odd'), { code: status.FAILED_PRECONDITION, details: 'nö: 100% off\t☺', metadata });
    }
    if (text.startsWith('!throw ')) throw new Error(text.slice(7));
    if (text === '!sleep') {
      try {
        return await untilAborted(context);
      } catch (error) {
        log.aborted.push('Unary');
        throw error;
      }
    }
    return follow(body, context);
  }

  return {
    async unary({ body }, context) {
      return { body: await obey(body, context) };
    },
    async *down({ body, count }, context) {
      try {
        const answer = follow(body, context);
        for (let at = 0; at < count && !context.signal.aborted; at++) yield { body: answer, count: at };
      } finally {
        if (context.signal.aborted) log.aborted.push('Down');
      }
    },
    async up(requests, context) {
      let bytes = 0;
      let messages = 0;
      for await (const { body, count } of requests) {
        bytes += follow(body, context).byteLength;
        messages += 1;
        log.readCount += 1;
        // An answer before the caller has said all.
        if (count === 99) break;
      }
      return { messages, bytes: BigInt(bytes) };
    },
    async *chat(requests, context) {
      for await (const { body } of requests) {
        log.readCount += 1;
        if (Buffer.from(body).toString() === '!sleep')
          await untilAborted(context).catch(() => log.aborted.push('Chat'));
        else yield { body: follow(body, context) };
      }
    },
  };
}
