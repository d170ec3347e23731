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

/**
 * Handlers of the echo service. A body `!metadata` is answered with what came, `!status` with an odd status, `!sleep`
 * never; one that begins with `!throw ` throws the rest of it.
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
    return body;
  }

  return {
    async unary({ body }, context) {
      return { body: await obey(body, context) };
    },
    async *down({ body, count }, context) {
      try {
        for (let at = 0; at < count && !context.signal.aborted; at++) yield { body, count: at };
      } finally {
        if (context.signal.aborted) log.aborted.push('Down');
      }
    },
    async up(requests) {
      let bytes = 0;
      let messages = 0;
      for await (const { body, count } of requests) {
        bytes += body.byteLength;
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
        else yield { body };
      }
    },
  };
}
