import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { reflection } from '../../gen/index.ts';
import { createPace } from '../../server/api/pace.ts';
import { ANONYMOUS, type Caller } from '../../server/model/caller.ts';
import { createReflectionHandlers } from '../../server/transport/reflection.ts';

const { ServerReflection, ServerReflectionRequestSchema } = reflection;
type ServerReflectionRequest = reflection.ServerReflectionRequest;

describe('createReflectionHandlers()', () => {
  it('tells of services of clients to who may call them, and of the clients that it may call', async () => {
    const asked: unknown[] = [];
    const others = {
      names: () => ['p.S', 'q.T'],
      isServed: (service: string) => (['p.S', 'q.T'].includes(service) ? true : undefined),
      sets(symbol: string, clientId: string | undefined) {
        asked.push([symbol, clientId]);
        return new Set<never>();
      },
    };
    const { serverReflectionInfo } = createReflectionHandlers(ServerReflection, [], others, createPace(4));
    const rights = { clients: { clients: ['robot-*'] }, calls: ['p.S/M', 'r.*'] };

    async function answer(
      caller: Partial<Caller>,
      messageRequest: ServerReflectionRequest['messageRequest'],
      named?: string,
    ) {
      async function* ask() {
        yield create(ServerReflectionRequestSchema, { messageRequest });
      }
      const context = { caller: { ...ANONYMOUS, ...caller }, header: () => named } as never;
      for await (const { messageResponse } of serverReflectionInfo(ask(), context)) return messageResponse;
      return undefined;
    }

    async function list(caller: Partial<Caller>) {
      const told = await answer(caller, { case: 'listServices', value: '' });
      return told?.case === 'listServicesResponse' ? told.value.service?.map(({ name }) => name) : [];
    }

    assert.deepEqual(await list(rights), ['p.S']);
    assert.deepEqual(await list({ calls: [] }), []);
    assert.deepEqual(await list({}), ['p.S', 'q.T']);
    for (const [value, named] of [
      ['p.S', 'robot-1'],
      ['p.S.M', 'laptop'],
      ['q.T', undefined],
      ['q.T.M', undefined],
      ['p.Message', undefined],
    ] as const) {
      await answer(rights, { case: 'fileContainingSymbol', value }, named);
    }
    await answer({ calls: [] }, { case: 'fileContainingSymbol', value: 'p.Message' });
    assert.deepEqual(asked, [
      ['p.S', 'robot-1'],
      ['p.S.M', undefined],
      ['p.Message', undefined],
    ]);
  });

  it('lets others have their turns between answers, however many are asked for at once, on however many streams', async () => {
    const others = { names: () => [], isServed: () => undefined, sets: () => new Set<never>() };
    const roots = [ServerReflection.file];
    const { serverReflectionInfo } = createReflectionHandlers(ServerReflection, roots, others, createPace(4));
    const request = create(ServerReflectionRequestSchema, { messageRequest: { case: 'listServices', value: '' } });
    async function* ask() {
      for (let n = 0; n < 10; n += 1) yield request;
    }
    let answered = 0;
    let answeredAtOnce = 0;
    let isOver = false;
    const count = (): void => {
      answeredAtOnce = Math.max(answeredAtOnce, answered);
      answered = 0;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const streams = Array.from({ length: 10 }, async () => {
      for await (const answer of serverReflectionInfo(ask(), { caller: ANONYMOUS, header: () => undefined } as never)) {
        assert.equal(answer.messageResponse?.case, 'listServicesResponse');
        answered += 1;
      }
    });
    await Promise.all(streams);
    isOver = true;
    answeredAtOnce = Math.max(answeredAtOnce, answered);
    assert.ok(answeredAtOnce <= 8, `${answeredAtOnce} of 100 in one turn`);
  });
});
