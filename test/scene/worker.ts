import assert from 'node:assert/strict';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { type ClientDuplexStream, type ClientReadableStream, Metadata, type StatusObject } from '@grpc/grpc-js';
import {
  type Assignment,
  type Cancel,
  type GetTaskRequestSchema,
  type GetTaskResponse,
  type Outcome,
  OutcomeCode,
  type Registered,
  type SendStatusRequestSchema,
  type SendStatusResponse,
  type TellResultRequestSchema,
} from '../../gen/index.ts';
import { newSessionId } from '../../shared/ids.ts';
import type { Clients } from './clients.ts';
import { atEnd } from './end.ts';
import { until } from './until.ts';

/** What names a delivery. */
export interface Named {
  readonly taskId: string;
  readonly delivery: number;
}

export type StatusInit = MessageInitShape<typeof SendStatusRequestSchema>;
export type TellInit = MessageInitShape<typeof TellResultRequestSchema>;

export interface RawWorkerOptions extends Omit<MessageInitShape<typeof GetTaskRequestSchema>, '$typeName'> {
  readonly clientId?: string;
  readonly sessionId?: string;
  /** Default true: opens SendStatus, before GetTask. */
  readonly isFull?: boolean;
  /** Default true: a receipt for every message. */
  readonly givesReceipts?: boolean;
}

/** A worker that does nothing by itself, except receipts. */
export interface RawWorker {
  readonly clientId: string;
  readonly sessionId: string;
  /** Everything that came down, in order. */
  readonly messages: readonly GetTaskResponse[];
  readonly registered: Registered;
  readonly tasks: readonly Assignment[];
  readonly cancels: readonly Cancel[];
  readonly outcomes: readonly Outcome[];
  readonly taskStream: ClientReadableStream<GetTaskResponse>;
  readonly statusStream: ClientDuplexStream<StatusInit, SendStatusResponse>;
  /** The status of each stream, once it has one. */
  readonly ended: Promise<StatusObject>;
  readonly statusEnded: Promise<StatusObject>;
  send(request: StatusInit): void;
  /** Waits until that many tasks have come in all; answers them. */
  receive(count: number): Promise<readonly Assignment[]>;
  /** Sends a report and waits for its outcomes, by name of the code. */
  report(request: StatusInit): Promise<string[]>;
  succeed(...deliveries: Named[]): Promise<string[]>;
  /** Ends both streams from this side, as a program that dies. */
  cancel(): Promise<void>;
}

export function writeIdentity(clientId: string, sessionId?: string): Metadata {
  const metadata = new Metadata();
  if (clientId !== '') metadata.set('contact-client', clientId);
  if (sessionId !== undefined) metadata.set('contact-session', sessionId);
  return metadata;
}

/** Resolves with the status a call ends with. */
export function statusOf(stream: {
  on(event: 'status', listener: (status: StatusObject) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}): Promise<StatusObject> {
  return new Promise((resolve) => {
    stream.on('status', resolve);
    stream.on('error', () => undefined);
  });
}

/** Why a stream was closed: `REASON retry`. */
export function closeOf({ metadata }: StatusObject): string {
  return `${metadata.get('contact-reason')[0]} ${metadata.get('contact-retry')[0]}`;
}

export const nameOf = ({ taskId, delivery }: Named): Named => ({ taskId, delivery });
export const codeOf = ({ code }: Outcome): string =>
  Object.entries(OutcomeCode).find(([, number]) => number === code)![0];

let drawn = 0;

/** Registers and waits for `registered`. */
export async function openWorker({ contact }: Clients, options: RawWorkerOptions = {}): Promise<RawWorker> {
  const {
    clientId = `worker-${++drawn}`,
    sessionId = newSessionId(),
    isFull = true,
    givesReceipts = isFull,
    queues = ['q'],
    ...request
  } = options;
  const metadata = writeIdentity(clientId, sessionId);
  const messages: GetTaskResponse[] = [];
  const tasks: Assignment[] = [];
  const cancels: Cancel[] = [];
  const outcomes: Outcome[] = [];
  let status: RawWorker['statusStream'] | undefined;
  let statusEnded: Promise<StatusObject> | undefined;

  if (isFull) {
    status = contact.sendStatus(metadata);
    statusEnded = statusOf(status);
    status.on('data', (response: SendStatusResponse) => outcomes.push(...response.outcomes));
    // Else its metadata may leave after the registration.
    status.write({});
  }
  const stream = contact.getTask({ maxInFlight: 10, queues, ...request }, metadata);
  const ended = statusOf(stream);
  atEnd(() => {
    stream.cancel();
    status?.cancel();
  });
  stream.on('data', (message: GetTaskResponse) => {
    messages.push(message);
    const { event } = message;
    if (event.case === 'tasks') tasks.push(...event.value.tasks);
    if (event.case === 'cancel') cancels.push(event.value);
    if (givesReceipts && status?.writable) status.write({ receipt: message.seq });
  });
  let end: StatusObject | undefined;
  void ended.then((status) => {
    end = status;
  });
  await until('registered', () => messages.length > 0 || end);
  if (messages.length === 0) throw Object.assign(new Error(end?.details), end);
  const first = messages[0]!.event;
  assert.equal(first.case, 'registered');
  const worker: RawWorker = {
    clientId,
    sessionId,
    messages,
    registered: first.value as Registered,
    tasks,
    cancels,
    outcomes,
    taskStream: stream,
    get statusStream() {
      return status!;
    },
    ended,
    get statusEnded() {
      return statusEnded!;
    },
    send: (message) => void status!.write(message),
    async receive(count) {
      await until(`${count} tasks`, () => tasks.length >= count);
      return tasks;
    },
    async report(report) {
      const { succeeded = [], failed = [], released = [], stopped = [], untouched = [] } = report;
      const from = outcomes.length;
      const count = succeeded.length + failed.length + released.length + stopped.length + untouched.length;
      status!.write(report);
      await until(`${count} outcomes`, () => outcomes.length >= from + count || end);
      if (outcomes.length < from + count) throw Object.assign(new Error(`no outcomes: ${end?.details}`), end);
      return outcomes.slice(from, from + count).map(codeOf);
    },
    succeed: (...deliveries) =>
      worker.report({ succeeded: deliveries.map((one) => ({ ...nameOf(one), result: Buffer.from('done') })) }),
    async cancel() {
      stream.cancel();
      status?.cancel();
      await Promise.all([ended, statusEnded]);
    },
  };
  return worker;
}

/** Tells results over TellResult; answers the outcomes by name. */
export async function tell({ contact }: Clients, clientId: string, ...requests: TellInit[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const stream = contact.tellResult(writeIdentity(clientId), {}, (error, response) => {
      if (error) reject(error);
      else resolve(response!.outcomes.map(codeOf));
    });
    for (const request of requests) stream.write(request);
    stream.end();
  });
}
