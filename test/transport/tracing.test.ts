import assert from 'node:assert/strict';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { traceCalls } from '../../client/caller/tracing.ts';
import { ContactError, createCaller, createProducer, createWorker, type Handler } from '../../client/index.ts';
import { traceAnswers } from '../../client/serve/tracing.ts';
import { traceClaims } from '../../server/dispatch/tracing.ts';
import { traceLive } from '../../server/tunnel/tracing.ts';
import { findTracing } from '../../shared/tracing.ts';
import { Echo } from '../echo/gen/echo_pb.ts';
import { startCallee } from '../scene/callers.ts';
import { createEcho } from '../scene/echo.ts';
import { atEnd, closeScene, use } from '../scene/end.ts';
import { connectTo, startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

describe('traces', () => {
  const exporter = new InMemorySpanExporter();

  before(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  });
  beforeEach(() => exporter.reset());
  afterEach(closeScene);
  after(() => {
    trace.disable();
    context.disable();
  });

  function startWorker(address: string, handler: Handler<number, number>): void {
    const worker = createWorker({ ...connectTo(address), queues: ['q'], handler });
    atEnd(() => worker.stop());
  }

  /** Each span by its name, with that of its parent. */
  const treeOf = (spans: readonly ReadableSpan[]): string[] => {
    const nameById = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
    return spans
      .map(({ name, parentSpanContext }) => `${nameById.get(parentSpanContext?.spanId ?? '') ?? '-'} → ${name}`)
      .toSorted();
  };
  const finished = async (count: number): Promise<ReadableSpan[]> => {
    await until(`${count} spans`, () => exporter.getFinishedSpans().length >= count);
    return exporter.getFinishedSpans();
  };

  it('have the spans of one task in one tree, over producer, server and worker, with those of the handler', async () => {
    const scene = await startScene();
    const producer = use(createProducer(connectTo(scene.address)));
    const tracer = trace.getTracer('test');
    const handler = async (n: number): Promise<number> =>
      tracer.startActiveSpan('inside', async (span) => {
        await Promise.resolve();
        span.end();
        return n;
      });
    startWorker(scene.address, handler);
    await tracer.startActiveSpan('outside', async (span) => {
      assert.equal(await producer.call('q', 7), 7);
      span.end();
    });
    const spans = await finished(7);
    assert.deepEqual(treeOf(spans), [
      '- → outside',
      'claim q → push q',
      'outside → send q',
      'process q → inside',
      'push q → process q',
      'send q → store q',
      'store q → claim q',
    ]);
    assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1);
    const kinds = new Map(spans.map(({ name, kind }) => [name, kind]));
    assert.deepEqual(
      ['send q', 'store q', 'process q'].map((name) => kinds.get(name)),
      [SpanKind.PRODUCER, SpanKind.INTERNAL, SpanKind.CONSUMER],
    );
    const { attributes } = spans.find(({ name }) => name === 'process q')!;
    assert.equal(attributes['messaging.system'], 'contact');
    assert.equal(attributes['messaging.destination.name'], 'q');
    assert.match(String(attributes['messaging.message.id']), /^[0-9a-f-]{36}$/);
  });

  it('have a span for each task of a batch, and one more with a link for each further attempt', async () => {
    const scene = await startScene();
    const producer = use(createProducer(connectTo(scene.address)));
    await producer.enqueueBatch([
      { queue: 'q', payload: 1 },
      { queue: 'q', payload: 2, maxAttempts: 2, backoff: { baseMs: 1, capMs: 1 } },
    ]);
    const handler = (n: number, { attempt }: { attempt: number }): number => {
      if (n === 2 && attempt < 2) throw new Error('not yet');
      return n;
    };
    startWorker(scene.address, handler);
    const runs = (await finished(13)).filter(({ name }) => name === 'process q');
    assert.equal(new Set(runs.map((span) => span.spanContext().traceId)).size, 2);
    assert.deepEqual(
      runs.map(({ status, links }) => [status.code, links.length]).toSorted(),
      [
        [SpanStatusCode.UNSET, 0],
        [SpanStatusCode.UNSET, 1],
        [SpanStatusCode.ERROR, 0],
      ].toSorted(),
    );
  });

  it('have those of a live call in one tree, over caller, server and callee, with those of the handler', async () => {
    const scene = await startScene();
    const tracer = trace.getTracer('test');
    const inside = () => tracer.startActiveSpan('inside', (span) => span.end());
    await startCallee(scene.address, {
      ...createEcho(),
      async unary({ body }) {
        await Promise.resolve();
        inside();
        if (Buffer.from(body).toString() === 'bad') throw new ContactError('NOT_FOUND', 'nothing there');
        return { body };
      },
      async *down({ body }) {
        await Promise.resolve();
        inside();
        yield { body };
      },
    });
    exporter.reset();
    const caller = use(createCaller(connectTo(scene.address)));
    const echo = caller.stub(Echo);
    const body = Buffer.from('hello');
    const of = (name: string) =>
      ['answer → inside', 'call → relay', 'outside → call', 'relay → answer']
        .map((pair) => pair.replaceAll(/call|relay|answer/g, (one) => `${one} echo.Echo/${name}`))
        .concat('- → outside')
        .toSorted();
    await tracer.startActiveSpan('outside', async (span) => {
      await echo.unary({ body });
      span.end();
    });
    const spans = await finished(5);
    assert.deepEqual(treeOf(spans), of('Unary'));
    assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1);
    const kinds = new Map(spans.map(({ name, kind }) => [name.split(' ')[0], kind]));
    assert.deepEqual(
      ['call', 'relay', 'answer'].map((name) => kinds.get(name)),
      [SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.SERVER],
    );
    const { attributes } = spans.find(({ kind }) => kind === SpanKind.SERVER)!;
    assert.equal(`${attributes['rpc.service']}/${attributes['rpc.method']}`, 'echo.Echo/Unary');

    exporter.reset();
    await tracer.startActiveSpan('outside', async (span) => {
      for await (const _ of echo.down({ body, count: 1 }));
      span.end();
    });
    assert.deepEqual(treeOf(await finished(5)), of('Down'));

    // What the caller says of its trace itself comes before what is active, and each end tells of a failure.
    exporter.reset();
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
    await assert.rejects(echo.unary({ body: Buffer.from('bad') }, { metadata: { traceparent } }));
    const failed = (await finished(4)).filter(({ name }) => name !== 'inside');
    assert.deepEqual(new Set(failed.map((span) => span.spanContext().traceId)), new Set(['ab'.repeat(16)]));
    assert.equal(failed.find(({ kind }) => kind === SpanKind.CLIENT)!.parentSpanContext?.spanId, 'cd'.repeat(8));
    assert.deepEqual(
      failed.map(({ status }) => status.code),
      failed.map(() => SpanStatusCode.ERROR),
    );
  });

  it('lead from a durable call to the task that it is', async () => {
    const scene = await startScene();
    await startCallee(scene.address, createEcho());
    exporter.reset();
    const caller = use(createCaller(connectTo(scene.address)));
    await caller.stub(Echo).unary({ body: Buffer.from('x') }, { mode: 'durable' });
    const name = 'echo.Echo/Unary';
    assert.deepEqual(treeOf(await finished(5)), [
      `- → call ${name}`,
      `call ${name} → store ${name}`,
      `claim ${name} → push ${name}`,
      `push ${name} → process ${name}`,
      `store ${name} → claim ${name}`,
    ]);
  });

  it('end with what was refused', async () => {
    const scene = await startScene({ maxPayloadBytes: 100 });
    const producer = use(createProducer(connectTo(scene.address)));
    await assert.rejects(producer.enqueue('q', 'x'.repeat(200)));
    const [span] = await finished(1);
    assert.equal(span!.status.code, SpanStatusCode.ERROR);
  });
});

describe('findTracing()', () => {
  it('finds none while nobody has registered a tracer', () => {
    assert.equal(findTracing(), undefined);
  });

  it('leaves everything as it is then', () => {
    const [claims, lives] = [{} as Parameters<typeof traceClaims>[0], {} as Parameters<typeof traceLive>[0]];
    assert.equal(traceClaims(claims), claims);
    assert.equal(traceLive(lives), lives);
    assert.deepEqual([traceCalls(), traceAnswers()], [undefined, undefined]);
  });
});
