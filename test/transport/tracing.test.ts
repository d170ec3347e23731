import assert from 'node:assert/strict';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createProducer, createWorker, type Handler } from '../../client/index.ts';
import { findTracing } from '../../shared/tracing.ts';
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
    const spans = await finished(5);
    assert.deepEqual(treeOf(spans), [
      '- → outside',
      'outside → send q',
      'process q → inside',
      'send q → store q',
      'store q → process q',
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
    const runs = (await finished(7)).filter(({ name }) => name === 'process q');
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
});
