import { randomBytes } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GetTaskRequestSchema, GetTaskResponseSchema, SendStatusRequestSchema } from '../../gen/index.ts';
import { ListenRequestSchema, WorkerMessageSchema } from '../control/gen/control_pb.ts';

/** What a client hears. */
export interface Heard {
  /** What it answers up its other stream; null: nothing. */
  readonly answer: Uint8Array | null;
  /** Tasks in it. */
  readonly tasks: number;
}

/** How one client of a fleet speaks: a stream on which it hears, and one on which it answers. */
export interface Dialect {
  readonly hear: { readonly path: string; readonly request: Uint8Array };
  readonly answer: { readonly path: string };
  headers(clientId: string): Readonly<Record<string, string>>;
  read(message: Buffer): Heard;
}

const RESULT = Buffer.from('ok');

/** A full session of contact: a receipt for every message, a result for every task. */
export function createContactDialect(queue: string, credit: number = 1): Dialect {
  return {
    hear: {
      path: '/contact.v1.ContactService/GetTask',
      request: toBinary(
        GetTaskRequestSchema,
        create(GetTaskRequestSchema, { revision: 1, queues: [queue], maxInFlight: credit, ephemeral: true }),
      ),
    },
    answer: { path: '/contact.v1.ContactService/SendStatus' },
    headers: (clientId) => ({ 'contact-client': clientId, 'contact-session': randomBytes(16).toString('hex') }),
    read(message) {
      const { seq, event } = fromBinary(GetTaskResponseSchema, message);
      const tasks = event.case === 'tasks' ? event.value.tasks : [];
      const succeeded = tasks.map(({ taskId, delivery }) => ({ taskId, delivery, result: RESULT }));
      const status = create(SendStatusRequestSchema, { receipt: seq, succeeded });
      return { answer: toBinary(SendStatusRequestSchema, status), tasks: tasks.length };
    },
  };
}

const PONG = toBinary(WorkerMessageSchema, create(WorkerMessageSchema, { ping: 'pong' }));
const EMPTY = toBinary(ListenRequestSchema, create(ListenRequestSchema));

/** The control's two idle streams. */
const control: Dialect = {
  hear: { path: '/control.Control/Listen', request: EMPTY },
  answer: { path: '/control.Control/Report' },
  headers: () => ({}),
  read: () => ({ answer: PONG, tasks: 0 }),
};

export function createDialect(system: string, queue: string): Dialect {
  return system === 'contact' ? createContactDialect(queue) : control;
}
