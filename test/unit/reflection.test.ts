import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { reflection } from '../../gen/index.ts';
import { createPace } from '../../server/api/pace.ts';
import { createReflectionHandlers } from '../../server/transport/reflection.ts';

const { ServerReflection, ServerReflectionRequestSchema } = reflection;

describe('createReflectionHandlers()', () => {
  it('lets others have their turns between answers, however many are asked for at once, on however many streams', async () => {
    const others = { names: () => [], sets: () => new Set<never>() };
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
      for await (const answer of serverReflectionInfo(ask(), { header: () => undefined } as never)) {
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
