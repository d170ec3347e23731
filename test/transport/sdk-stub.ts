import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type StatusObject,
} from '@grpc/grpc-js';
import {
  ContactService,
  type GetTaskRequest,
  type GetTaskResponseSchema,
  type OutcomeSchema,
  type SendStatusRequest,
  type SendStatusResponseSchema,
} from '../../gen/contact/v1/contact_pb.ts';
import type { ResultEventSchema } from '../../gen/contact/v1/task_pb.ts';
import {
  type CallTaskRequest,
  type CallTaskResponseSchema,
  type EnqueueWindowSchema,
  type StreamEnqueueRequest,
  type StreamEnqueueResponseSchema,
  TaskService,
  type WatchResultsRequest,
  type WatchResultsResponseSchema,
} from '../../gen/contact/v1/task_service_pb.ts';
import { defineService } from '../../shared/grpc.ts';
import { use } from '../scene/end.ts';

// A server that says what a healthy one hardly ever does. Everything else is tested with the real one.

type Down = ServerWritableStream<GetTaskRequest, MessageInitShape<typeof GetTaskResponseSchema>>;
type Up = ServerDuplexStream<SendStatusRequest, MessageInitShape<typeof SendStatusResponseSchema>>;
type Enqueue = ServerDuplexStream<StreamEnqueueRequest, MessageInitShape<typeof StreamEnqueueResponseSchema>>;
type Watch = ServerWritableStream<WatchResultsRequest, MessageInitShape<typeof WatchResultsResponseSchema>>;
type Event = NonNullable<MessageInitShape<typeof GetTaskResponseSchema>['event']>;

export interface StubSession {
  readonly request: GetTaskRequest;
  readonly id: string;
  readonly clientId: string;
  readonly statuses: SendStatusRequest[];
  send(event: Event, seq?: number): void;
  answer(outcomes: MessageInitShape<typeof OutcomeSchema>[]): void;
  end(): void;
}

export interface Stub {
  readonly address: string;
  readonly sessions: StubSession[];
  /** Batches as they came. */
  readonly batches: StreamEnqueueRequest[];
  close(): void;
}

export interface StubOptions {
  readonly onRegister?: (session: StubSession) => void;
  readonly onStatus?: (session: StubSession, status: SendStatusRequest) => void;
  /** Of the first stream, the second, …; the last one again and again. */
  readonly windows?: readonly MessageInitShape<typeof EnqueueWindowSchema>[];
  readonly onBatch?: (batch: StreamEnqueueRequest, call: Enqueue) => void;
  /** Throws the status to answer with. */
  readonly onCall?: (request: CallTaskRequest) => MessageInitShape<typeof ResultEventSchema>;
  readonly onWatch?: (request: WatchResultsRequest, call: Watch) => void;
}

export async function startStub(options: StubOptions): Promise<Stub> {
  const server = new Server();
  const sessions: StubSession[] = [];
  const batches: StreamEnqueueRequest[] = [];
  let streamCount = 0;
  const ups = new Map<string, Up>();
  const sessionIdOf = (call: Up | Down) => String(call.metadata.get('contact-session')[0]);

  server.addService(defineService(ContactService), {
    sendStatus(call: Up) {
      ups.set(sessionIdOf(call), call);
      call.on('data', (status: SendStatusRequest) => {
        const session = sessions.at(-1)!;
        session.statuses.push(status);
        options.onStatus?.(session, status);
      });
      call.on('end', () => call.end());
      call.on('error', () => {});
    },
    getTask(call: Down) {
      let lastSeq = 0;
      const session: StubSession = {
        request: call.request,
        id: sessionIdOf(call),
        clientId: String(call.metadata.get('contact-client')[0]),
        statuses: [],
        send(event, seq = lastSeq + 1) {
          lastSeq = seq;
          call.write({ seq, event });
        },
        answer: (outcomes) => void ups.get(sessionIdOf(call))!.write({ outcomes }),
        end: () => call.end(),
      };
      call.on('error', () => {});
      sessions.push(session);
      options.onRegister?.(session);
    },
  });
  server.addService(defineService(TaskService), {
    watchResults(call: Watch) {
      call.on('error', () => {});
      options.onWatch?.(call.request, call);
    },
    callTask: ((call, callback) => {
      try {
        callback(null, { result: options.onCall!(call.request) });
      } catch (status) {
        callback(status as Partial<StatusObject>);
      }
    }) as handleUnaryCall<CallTaskRequest, MessageInitShape<typeof CallTaskResponseSchema>>,
    streamEnqueue(call: Enqueue) {
      call.on('error', () => {});
      call.on('end', () => call.end());
      const { windows = [{ maxBatches: 100, maxBytes: 1e7 }] } = options;
      call.write({ event: { case: 'window', value: windows[Math.min(streamCount, windows.length - 1)]! } });
      streamCount += 1;
      call.on('data', (batch: StreamEnqueueRequest) => {
        batches.push(batch);
        if (options.onBatch) options.onBatch(batch, call);
        else call.write({ event: { case: 'stored', value: {} } });
      });
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return use({ address: `127.0.0.1:${port}`, sessions, batches, close: () => server.forceShutdown() });
}
