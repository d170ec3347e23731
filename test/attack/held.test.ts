import { create, toBinary } from '@bufbuild/protobuf';
import { DescribeTaskRequestSchema, TaskService, WatchTaskRequestSchema } from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { ask, connect, enqueue } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { dial, frame, open } from '../scene/http2.ts';
import { until } from '../scene/until.ts';
import { prepareAttacks, scale } from './attack.ts';

const ENQUEUE = methodPath(TaskService.method.enqueueTasks);
const STREAM_ENQUEUE = methodPath(TaskService.method.streamEnqueue);
const WATCH = methodPath(TaskService.method.watchTask);
const DESCRIBE = methodPath(TaskService.method.describeTask);

const MESSAGE_BYTES = 5_900_000;
const SENT_BYTES = 5_800_000;
const ANSWER_BYTES = 1_000_000;
const WATCHED_BYTES = 900_000;
const CONNECTIONS = 4;
const RESOURCE_EXHAUSTED = '8';

describe('attack by unfinished calls', () => {
  const attack = prepareAttacks();

  afterEach(closeScene);

  it('messages of 5.9 MB that never become whole', async function () {
    await attack(this, async (server) => {
      const part = frame(Buffer.alloc(SENT_BYTES), false, MESSAGE_BYTES);
      const sessions = Array.from({ length: CONNECTIONS }, () => dial(server));
      const calls = scale(80, 250);
      let refused = 0;
      let closed = 0;
      for (let n = 0; n < calls; n++) {
        const stream = open(sessions[n % CONNECTIONS]!, ENQUEUE);
        stream.once('response', (headers) => {
          if (headers['grpc-status'] === RESOURCE_EXHAUSTED) refused += 1;
        });
        stream.once('close', () => {
          closed += 1;
        });
        stream.resume().write(part);
      }
      try {
        const enough = calls - 25;
        await until(
          'those beyond the budget are refused, and hear it',
          () => refused >= enough && closed >= enough,
          30_000,
        );
      } finally {
        for (const session of sessions) session.destroy();
      }
    });
  });

  it('messages that come in pieces of a byte', async function () {
    await attack(this, async (server) => {
      const session = dial(server);
      const stream = open(session, ENQUEUE);
      stream.resume().write(frame(Buffer.alloc(1), false, MESSAGE_BYTES));
      const byte = Buffer.alloc(1);
      for (let n = 0; n < scale(300, 3_000); n++) {
        for (let m = 0; m < 1_000; m++) stream.write(byte);
        await new Promise((resolve) => stream.write(byte, resolve));
      }
      session.destroy();
    });
  });

  it('streams that stay open after a message of 5.9 MB', async function () {
    await attack(this, async (server) => {
      // A field that the server does not know, as long as the message.
      const head = Buffer.from([0x7a, 0, 0, 0, 0]);
      const length = SENT_BYTES;
      for (let n = 0; n < 4; n++) head[n + 1] = ((length >> (7 * n)) & 0x7f) | (n < 3 ? 0x80 : 0);
      const message = frame(Buffer.concat([head, Buffer.alloc(length)]));
      const sessions = Array.from({ length: CONNECTIONS }, () => dial(server));
      let answered = 0;
      const calls = scale(100, 250);
      for (let n = 0; n < calls; n++) {
        const stream = open(sessions[n % CONNECTIONS]!, STREAM_ENQUEUE);
        stream.on('data', () => {
          answered += 1;
        });
        stream.write(message);
      }
      try {
        await until('all are taken', () => answered >= calls, 30_000);
      } finally {
        for (const session of sessions) session.destroy();
      }
    });
  });

  it('answers of 1 MB that nobody reads', async function () {
    await attack(this, async (server) => {
      const [id] = await enqueue(connect(server), { queue: 'large', payload: Buffer.alloc(ANSWER_BYTES) });
      const request = frame(toBinary(DescribeTaskRequestSchema, create(DescribeTaskRequestSchema, { id: id! })));
      const sessions = Array.from({ length: CONNECTIONS }, () => dial(server, { initialWindowSize: 1_000 }));
      const calls = scale(400, 2_000);
      let answered = 0;
      let reset = 0;
      for (let n = 0; n < calls; n++) {
        const stream = open(sessions[n % CONNECTIONS]!, DESCRIBE);
        stream.once('response', () => {
          answered += 1;
        });
        stream.once('close', () => {
          reset += 1;
        });
        stream.end(request);
      }
      try {
        await until(
          'those beyond the budget are reset',
          () => answered + reset >= calls && reset >= calls - 140,
          30_000,
        );
      } finally {
        for (const session of sessions) session.destroy();
      }
    });
  });

  for (const state of ['waits', 'is over']) {
    it(`a task of 900 KB that ${state}, watched by many who read nothing`, async function () {
      await attack(this, async (server) => {
        const clients = connect(server);
        const [id] = await enqueue(clients, { queue: 'large', payload: Buffer.alloc(WATCHED_BYTES) });
        if (state === 'is over') await ask(clients, TaskService.method.cancelTasks, { ids: [id!] });
        const request = frame(toBinary(WatchTaskRequestSchema, create(WatchTaskRequestSchema, { id: id! })));
        const connections = scale(20, 60);
        const sessions = Array.from({ length: connections }, () => dial(server, { initialWindowSize: 0 }));
        const streams = 20 * connections;
        let reset = 0;
        for (let n = 0; n < streams; n++) {
          const stream = open(sessions[n % connections]!, WATCH);
          stream.once('close', () => {
            reset += 1;
          });
          stream.resume().end(request);
        }
        try {
          await until('those beyond the budget are reset', () => reset >= streams - 150, 30_000);
        } finally {
          for (const session of sessions) session.destroy();
        }
      });
    });
  }
});
