import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import net from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { Role, TaskService, WatchResultsRequestSchema } from '../../gen/index.ts';
import { createEventCounts, REFUSED_FOR } from '../../server/model/figures.ts';
import { createGate } from '../../server/transport/gate.ts';
import { guardHeaders } from '../../server/transport/headers.ts';
import { createRefusalCount, createRefusalLog } from '../../server/transport/refused.ts';
import { systemClock } from '../../shared/clock.ts';
import { methodPath } from '../../shared/grpc.ts';
import { startGuarded } from '../scene/access.ts';
import { ask, connect, refusalOf } from '../scene/clients.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { createLogbook, type LogLine } from '../scene/logbook.ts';
import { scrape } from '../scene/metrics.ts';
import { never, until } from '../scene/until.ts';

const LIST = methodPath(TaskService.method.listTasks);
const FOLLOW = frame(toBinary(WatchResultsRequestSchema, create(WatchResultsRequestSchema, { follow: true })));

const guess = (session: ReturnType<typeof dial>) =>
  readEnd(open(session, LIST, { authorization: 'Bearer ct_x' }).end(frame(Buffer.alloc(0))));

describe('A call that is not let in', () => {
  afterEach(closeScene);

  it('closes no connection on which somebody was let in after it', async () => {
    const scene = await startGuarded();
    const session = dial(scene);
    for (let n = 0; n < 5; n++) assert.equal((await guess(session)).code, status.UNAUTHENTICATED);
    const watching = open(session, methodPath(TaskService.method.watchResults), {
      authorization: `Bearer ${scene.operator}`,
    });
    watching.end(FOLLOW);
    await never('it is closed', () => session.destroyed || watching.closed, 600);
  });

  it('is told that no more are taken before its connection is closed', async () => {
    const scene = await startGuarded();
    const session = dial(scene);
    let saidGoodbye = false;
    session.on('goaway', (code) => {
      saidGoodbye = code === 0;
    });
    for (let n = 0; n < 5; n++) await guess(session);
    await until('it is closed', () => session.destroyed);
    assert.ok(saidGoodbye);
  });

  it('is told in the log, with who it was where that is known', async () => {
    const log = createLogbook();
    const scene = await startGuarded({ maxCallsPerPrincipal: 1, maxHeaderBytes: 4_096 }, { logger: log });
    const list = (token: string) => refusalOf(ask(connect(scene, {}, token), TaskService.method.listTasks, {}));
    const [worker, looks, gone] = [
      await scene.access.token({ roles: [Role.WORKER] }),
      await scene.access.token({ roles: [Role.OBSERVER] }),
      await scene.access.token(),
    ];
    await scene.access.revoke(gone.id);
    const lastOf = async (reply: Promise<unknown>): Promise<LogLine> => {
      const before = log.lines.length;
      await reply;
      const line = log.lines.slice(before).find(({ message }) => message === 'call refused');
      assert.ok(line);
      return line;
    };
    const told = ({ code, reason, principal, credential }: LogLine) => ({ code, reason, principal, credential });

    const ofRole = told(await lastOf(list(worker.text)));
    assert.deepEqual(ofRole, {
      ...{ code: 'PERMISSION_DENIED', reason: undefined },
      ...{ principal: 'token:t1', credential: worker.id },
    });
    assert.deepEqual(told(await lastOf(list(gone.text))), {
      ...{ code: 'UNAUTHENTICATED', reason: 'REVOKED' },
      ...{ principal: 'token:t3', credential: gone.id },
    });
    assert.deepEqual(told(await lastOf(list('ct_x'))), {
      ...{ code: 'UNAUTHENTICATED', reason: undefined },
      ...{ principal: undefined, credential: undefined },
    });

    const session = dial(scene);
    const authorization = `Bearer ${looks.text}`;
    const watching = open(session, methodPath(TaskService.method.watchResults), { authorization });
    watching.end(FOLLOW);
    await new Promise((resolve) => watching.once('response', resolve));
    assert.deepEqual(told(await lastOf(list(looks.text))), {
      ...{ code: 'RESOURCE_EXHAUSTED', reason: undefined },
      ...{ principal: 'token:t2', credential: looks.id },
    });
    const large = open(dial(scene), LIST, { authorization, 'x-large': 'x'.repeat(5_000) });
    assert.equal((await lastOf(readEnd(large))).code, 'RESOURCE_EXHAUSTED');
    assert.ok(!JSON.stringify(log.lines).includes(gone.text.slice(-43)));
  });

  it('is counted once by why it was not, also when its client does not wait to be told', async () => {
    const scene = await startGuarded({
      ...{ maxCallsPerPrincipal: 1, maxHeaderBytes: 4_096, metrics: '127.0.0.1:0' },
    });
    const list = (token?: string) => refusalOf(ask(connect(scene, {}, token), TaskService.method.listTasks, {}));
    const worker = await scene.access.token({ roles: [Role.WORKER] });
    const looks = await scene.access.token({ roles: [Role.OBSERVER] });
    const gone = await scene.access.token();
    const over = await scene.access.token({}, { seconds: 1 });
    await scene.access.revoke(gone.id);
    const told = async (): Promise<string> => {
      const { value } = await scrape(scene);
      const counted = REFUSED_FOR.map((reason) => [reason, value('contact_calls_refused_total', { reason })] as const);
      return counted.flatMap(([reason, count]) => (count === 0 ? [] : [`${reason} ${count}`])).join(', ');
    };
    assert.equal(await told(), '');
    await list(undefined);
    await list('ct_x');
    await list('ct_x');
    await list(worker.text);
    await list(gone.text);
    await until('it has expired', async () => /expired/.test(await list(over.text)));
    const watching = open(dial(scene), methodPath(TaskService.method.watchResults), {
      authorization: `Bearer ${looks.text}`,
    });
    watching.end(FOLLOW);
    await new Promise((resolve) => watching.once('response', resolve));
    await list(looks.text);
    await readEnd(open(dial(scene), LIST, { authorization: `Bearer ${looks.text}`, 'x-large': 'x'.repeat(5_000) }));
    await until('all are told', async () => /limit 2/.test(await told()));
    const counted = 'no_credential 1, bad_credential 2, expired 1, revoked 1, role 1, limit 2';
    assert.equal((await told()).replace(/expired \d+/, 'expired 1'), counted);
    const session = dial(scene);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const hasty = open(session, LIST, { authorization: 'Bearer ct_x' });
    hasty.on('error', () => undefined).end(frame(Buffer.alloc(0)));
    await new Promise((resolve) => setImmediate(resolve));
    hasty.close(constants.NGHTTP2_CANCEL);
    await until('who has gone is counted too', async () => /bad_credential 3/.test(await told()));
  });

  it('by a fault of the server is told with its cause, to the log alone, and is nobody’s guess', async () => {
    const log = createLogbook();
    const grpcServer = new Server();
    const injector = grpcServer.createConnectionInjector(ServerCredentials.createInsecure());
    const counts = createEventCounts();
    const bug = new TypeError('a bug in the book');
    guardHeaders(grpcServer, {
      logger: log,
      gate: createGate({
        authenticate() {
          throw bug;
        },
        peerOf: () => ({ kind: 'none' }),
        onAdmitted: () => undefined,
        countRefusal: createRefusalCount(counts),
        clock: systemClock,
        refusalDelayMs: 60_000,
        sendAway: (session) => session.destroy(),
        maxOpenCalls: 10,
      }),
      tellRefusal: createRefusalLog(log),
      countRefusal: createRefusalCount(counts),
      places: { take: () => undefined },
      connections: { enter: () => undefined, take: () => undefined },
      maxHeaderBytes: 1_024,
    });
    const listener = net.createServer((socket) => injector.injectConnection(socket)).listen(0, '127.0.0.1');
    atEnd(() => {
      listener.close();
      grpcServer.forceShutdown();
    });
    await new Promise((resolve) => listener.once('listening', resolve));
    const session = dial({ address: `127.0.0.1:${(listener.address() as net.AddressInfo).port}` });
    for (let n = 0; n < 6; n++) {
      const { code, message } = await guess(session);
      assert.deepEqual([code, decodeURI(message)], [status.INTERNAL, 'internal error']);
    }
    assert.deepEqual([log.lines.length, log.lines[0]!.level, log.lines[0]!.err], [6, 'error', bug]);
    await never('it is closed', () => session.destroyed, 400);
  });
});
