import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type CallOptions, Metadata, type StatusObject } from '@grpc/grpc-js';
import type { GrpcClient } from '../../../shared/grpc.ts';
import type { Echo, Message } from '../../echo/gen/echo_pb.ts';
import {
  bodyOf,
  CALL_KEY,
  type CallPlan,
  FAIL_CODE,
  FAIL_DETAILS,
  FAIL_KEY,
  INITIAL_KEY,
  SLEEP_KEY,
  TRAILING_KEY,
} from './plan.ts';

/** What a caller sees of a call. */
export interface CallListener {
  /** It is durable, and the server has stored it. */
  stored(task: string): void;
  ended(status: StatusObject, isRight: boolean): void;
}

/** The clients that serve. */
export type Callees = readonly string[];

function writeMetadata(plan: CallPlan, callees: Callees): Metadata {
  const metadata = new Metadata({ waitForReady: plan.isPatient });
  metadata.set(CALL_KEY, plan.id);
  if (plan.sleepMs > 0) metadata.set(SLEEP_KEY, String(plan.sleepMs));
  if (plan.fails) metadata.set(FAIL_KEY, '1');
  if (plan.waitMs > 0) metadata.set('contact-wait', `${plan.waitMs}ms`);
  if (plan.isServerTimed) metadata.set('grpc-timeout', `${plan.deadlineMs}m`);
  if (plan.kind === 'durable') {
    metadata.set('contact-mode', 'durable');
    metadata.set('contact-key', plan.id);
    if (plan.isDetached) metadata.set('contact-detach', '1');
  } else if (plan.target === 'client') metadata.set('contact-client', callees[plan.callee]!);
  else if (plan.target === 'selector') metadata.set('contact-selector', 'lane=a');
  return metadata;
}

/** Makes the call and tells what comes of it. Answers how to cancel it. */
export function makeCall(
  client: GrpcClient<typeof Echo>,
  plan: CallPlan,
  callees: Callees,
  listener: CallListener,
): void {
  const { id, kind, bytes, count } = plan;
  const metadata = writeMetadata(plan, callees);
  const options: CallOptions = plan.isServerTimed ? {} : { deadline: Date.now() + plan.deadlineMs };
  let answered = 0;
  let isRight = true;
  let initial: unknown;

  function hear({ body }: Message, expected: Buffer): void {
    answered += 1;
    if (!expected.equals(body)) isRight = false;
  }

  const call = begin();
  call.on('error', () => undefined);
  call.on('metadata', (headers: Metadata) => {
    initial = headers.get(INITIAL_KEY)[0];
    const task = headers.get('contact-task')[0];
    if (task !== undefined) listener.stored(String(task));
  });
  call.on('status', (status: StatusObject) => {
    // The callback of a call with one answer comes after it.
    setImmediate(() => listener.ended(status, judge(status)));
  });
  if (plan.cancelAfterMs !== undefined) setTimeout(() => call.cancel(), plan.cancelAfterMs).unref();

  function begin() {
    if (kind === 'down') {
      const down = client.down({ body: bodyOf(id, 0, bytes), count }, metadata, options);
      down.on('data', (message: Message) => {
        if (message.count !== answered) isRight = false;
        hear(message, bodyOf(id, 0, bytes));
      });
      return down;
    }
    if (kind === 'up') {
      const up = client.up(metadata, options, (_, summary) => {
        answered += Number(summary !== undefined);
        if (summary && (summary.messages !== count || summary.bytes !== BigInt(count * bytes))) isRight = false;
      });
      void writeAll(up);
      return up;
    }
    if (kind === 'chat') {
      const chat = client.chat(metadata, options);
      chat.on('data', (message: Message) => hear(message, bodyOf(id, answered, bytes)));
      void writeAll(chat);
      return chat;
    }
    return client.unary({ body: bodyOf(id, 0, bytes) }, metadata, options, (_, message) => {
      const isEmpty = kind === 'durable' && plan.isDetached;
      if (message) hear(message, isEmpty ? Buffer.alloc(0) : bodyOf(id, 0, bytes));
    });
  }

  /** As its stream takes them. */
  async function writeAll(stream: ReturnType<typeof client.chat> | ReturnType<typeof client.up>): Promise<void> {
    for (let at = 0; at < count; at++) {
      if (stream.destroyed || stream.writableEnded) return;
      if (!stream.write({ body: bodyOf(id, at, bytes) })) {
        await Promise.race([once(stream, 'drain'), once(stream, 'status')]).catch(() => undefined);
      }
    }
    stream.end();
  }

  function judge({ code, details, metadata: trailers }: StatusObject): boolean {
    if (code === FAIL_CODE) return plan.fails && details === FAIL_DETAILS && isTrailed(trailers);
    if (code !== 0) return true;
    const expected = kind === 'down' || kind === 'chat' ? count : 1;
    if (!isRight || answered !== expected || plan.fails) return false;
    // Headers and trailers of a kept call reach nobody.
    return kind === 'durable' || (initial === id && isTrailed(trailers));
  }

  function isTrailed(trailers: Metadata): boolean {
    const value = trailers.get(TRAILING_KEY)[0];
    return Buffer.isBuffer(value) && value.toString() === id;
  }
}
