import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import { isAbandoned } from '../../server/api/context.ts';
import { ANONYMOUS } from '../../server/model/caller.ts';
import { SERVER_SHUTDOWN } from '../../server/session/closing.ts';
import { createCallEnds } from '../../server/transport/call.ts';
import { noteCaller } from '../../server/transport/callers.ts';
import { CallContext } from '../../server/transport/context.ts';
import { silentLogger } from '../../shared/logger.ts';
import { createFakeClock } from '../scene/clock.ts';

describe('CallContext', () => {
  const clock = createFakeClock(0);

  function createScene(deadlineAt = Number.POSITIVE_INFINITY) {
    const ends = createCallEnds({
      sockets: () => assert.fail(),
      clock,
      logger: silentLogger,
      patience: { pingIntervalMs: 1_000, slowLineBytesPerSecond: 1_000 },
      stuckSocketMs: 1_000,
      heldBudgetBytes: 1 << 20,
    });
    const metadata = new Metadata();
    metadata.set('contact-client', 'robot-7');
    metadata.set('contact-empty', '');
    const sent: Metadata[] = [];
    const stream = {};
    noteCaller(stream as ServerHttp2Stream, ANONYMOUS);
    const call = Object.assign(new EventEmitter(), {
      call: { stream },
      metadata,
      cancelled: false,
      getPeer: () => 'there:1',
      getDeadline: () => deadlineAt,
      sendMetadata: (one: Metadata) => void sent.push(one),
    });
    function cancel(): void {
      call.cancelled = true;
      call.emit('cancelled');
    }
    return { ends, call, cancel, sent, context: new CallContext(call, ends) };
  }

  it('says who calls, from where, and what came beside the request', () => {
    const { context } = createScene(5);
    assert.deepEqual([context.caller, context.peer, context.deadlineAt], [ANONYMOUS, 'there:1', 5]);
    const headers = ['contact-client', 'contact-empty', 'contact-none'].map((name) => context.header(name));
    assert.deepEqual(headers, ['robot-7', undefined, undefined]);
  });

  it('begins an answer that is still waited for', () => {
    const { context, cancel, sent } = createScene();
    context.beginAnswer();
    cancel();
    context.beginAnswer();
    assert.equal(sent.length, 1);
  });

  it('watches no call whose signal nobody looks at', () => {
    const { call, context } = createScene();
    context.close();
    assert.deepEqual([call.eventNames(), context.isAborted], [[], false]);
    assert.equal(context.signal.aborted, false);
    assert.ok(call.eventNames().includes('cancelled'));
  });

  for (const [title, deadlineAt, code] of [
    ['before its deadline', 1_000, 'CANCELLED'],
    ['at its deadline', 0, 'DEADLINE_EXCEEDED'],
  ] as const) {
    it(`is aborted when the caller goes ${title}`, () => {
      const { context, cancel } = createScene(deadlineAt);
      const { signal } = context;
      cancel();
      assert.deepEqual([signal.aborted, signal.reason.code, isAbandoned(signal)], [true, code, true]);
    });
  }

  it('is aborted from the beginning where the caller has gone before', () => {
    const { context, cancel } = createScene();
    cancel();
    assert.equal(context.signal.aborted, true);
  });

  it('is aborted with the word of a server that goes', async () => {
    const { ends, context } = createScene();
    const { signal } = context;
    await ends.closeAll(SERVER_SHUTDOWN);
    assert.deepEqual([signal.reason, isAbandoned(signal), context.isAborted], [SERVER_SHUTDOWN, false, true]);
  });

  it('is told nothing any more once the call was answered', async () => {
    const { ends, context } = createScene();
    const { signal } = context;
    context.close();
    await ends.closeAll(SERVER_SHUTDOWN);
    assert.equal(signal.aborted, false);
  });
});
