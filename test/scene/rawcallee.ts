import { Buffer } from 'node:buffer';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { credentials, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import {
  type Accepted,
  AcceptedSchema,
  type AnnounceSchema,
  ReverseService,
  ServeRequestSchema,
} from '../../gen/index.ts';
import { createClient, methodPath } from '../../shared/grpc.ts';
import { decodeServe } from '../../tunnel/decode.ts';
import { encodeFrames, sizeFrame } from '../../tunnel/encode.ts';
import { createFrame, type Frame, plainEnd } from '../../tunnel/frame.ts';
import { MessageSchema } from '../echo/gen/echo_pb.ts';
import { atEnd } from './end.ts';
import { until } from './until.ts';

/** A callee from bare frames, which does only what the test tells it to. */
export interface RawCallee {
  readonly accepted: Accepted;
  /** The frames that opened a call. */
  readonly opened: Frame[];
  /** All frames, and how many messages came without any. */
  readonly frames: Frame[];
  readonly pingCount: number;
  /** How the stream ended: the code, the reason if there is one, the details. */
  readonly ended: Promise<string>;
  announce(announce: MessageInitShape<typeof AnnounceSchema>): Promise<void>;
  say(...frames: (Partial<Frame> & { readonly call: number })[]): void;
  sayBytes(bytes: Buffer): void;
  answer(to: Frame, body: string): void;
  /** Answers pings, or not any more. */
  isAnswering: boolean;
  /** Takes nothing that comes. */
  pause(): void;
  cut(): void;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

export async function openServe(
  address: string,
  clientId: string,
  announced: MessageInitShape<typeof AnnounceSchema>,
  sessionId?: string,
  token?: string,
): Promise<RawCallee> {
  const client = createClient(ReverseService, address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });
  atEnd(() => client.close());
  const metadata = new Metadata();
  metadata.set('contact-client', clientId);
  if (sessionId !== undefined) metadata.set('contact-session', sessionId);
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  const call = client.makeBidiStreamRequest(methodPath(ReverseService.method.serve), asItIs, asItIs, metadata);
  const opened: Frame[] = [];
  const frames: Frame[] = [];
  const answers: Accepted[] = [];
  let pingCount = 0;
  let hasEnded = false;
  call.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    call.on('status', ({ code, details, metadata: trailers }: StatusObject) => {
      hasEnded = true;
      const reason = trailers.get('contact-reason')[0] ?? '';
      resolve(`${status[code]} ${reason} ${details}`);
    });
  });
  call.on('data', (bytes: Buffer) => {
    const message = decodeServe(bytes);
    if (message.head) answers.push(fromBinary(AcceptedSchema, message.head));
    else if (message.frames.length === 0) {
      pingCount += 1;
      if (callee.isAnswering) call.write(Buffer.alloc(0));
    }
    for (const frame of message.frames) {
      frames.push({ ...frame, data: frame.data && Buffer.from(frame.data) });
      if (frame.open) opened.push(frame);
    }
  });

  async function announce(init: MessageInitShape<typeof AnnounceSchema>): Promise<void> {
    const count = answers.length;
    call.write(Buffer.from(toBinary(ServeRequestSchema, create(ServeRequestSchema, { announce: init as never }))));
    await until('the announcement is answered, or the stream ends', () => hasEnded || answers.length > count);
  }

  const callee: RawCallee = {
    get accepted() {
      return answers.at(-1)!;
    },
    opened,
    frames,
    get pingCount() {
      return pingCount;
    },
    ended,
    announce,
    say: (...said) =>
      void call.write(encodeFrames(said.map((frame) => sizeFrame({ ...createFrame(frame.call), ...frame })))),
    sayBytes: (bytes) => void call.write(bytes),
    answer({ call: id }, body) {
      const data = Buffer.from(toBinary(MessageSchema, create(MessageSchema, { body: Buffer.from(body) })));
      callee.say({ call: id, headers: [], data, end: plainEnd(0, '') });
    },
    isAnswering: true,
    pause: () => void call.pause(),
    cut: () => call.cancel(),
  };
  await announce(announced);
  return callee;
}

/** Opens a Serve whose first message has frames and no announcement; answers how it ended. */
export function openBare(address: string): Promise<string> {
  const client = createClient(ReverseService, address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  atEnd(() => client.close());
  const call = client.makeBidiStreamRequest(methodPath(ReverseService.method.serve), asItIs, asItIs, new Metadata());
  call.on('error', () => undefined);
  call.resume();
  call.write(encodeFrames([sizeFrame(createFrame(1))]));
  return new Promise((resolve) => {
    call.on('status', ({ code, details }: StatusObject) => resolve(`${status[code]} ${details}`));
  });
}
