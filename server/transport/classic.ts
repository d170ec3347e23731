import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Metadata, ServerWritableStream } from '@grpc/grpc-js';
import type { classic } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid, invalidName } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/grpc.ts';
import { isName, newSessionId } from '../../shared/ids.ts';
import { cutText } from '../../shared/text.ts';
import { CLIENT_KEY } from '../api/identity.ts';
import { createPairs, type Pair, type Turn } from '../api/pairs.ts';
import type { ClaimedTask, Delivery } from '../model/task.ts';
import type { OutcomeCode, TaskOutlet } from '../session/outlet.ts';
import type { Registry } from '../session/registry.ts';
import { isOver } from './answering.ts';
import { type CallEnds, metadataText, readMessages } from './call.ts';

const QUEUE_KEY = 'contact-queue';
const SETTLE_KEY = 'contact-settle';
const MAX_STATUS_LENGTH = 256;
const CLIENT_PREFIX = 'client ';
const TEXT = 'text/plain; charset=utf-8';

export interface ClassicHandlersOptions {
  readonly registry: Registry;
  readonly ends: CallEnds;
  readonly clock: Clock;
  /** How long a task whose getTask has ended waits for its result. */
  readonly windowMs: number;
  readonly maxResultBytes: number;
  /** The server's option: settle tasks when they are written, also without the client asking for it. */
  readonly settleOnWrite: boolean;
}

type TextStream = ServerWritableStream<classic.Empty, MessageInitShape<typeof classic.ServerMsgSchema>>;

/** The classic contract: text tasks one at a time, and results that name no task. */
export function createClassicHandlers(options: ClassicHandlersOptions): Handlers<typeof classic.Contact> {
  const { registry, ends, clock, windowMs, maxResultBytes } = options;
  const pairs = createPairs({ clock, windowMs, findLeft });
  const decoder = new TextDecoder('utf-8', { fatal: true });

  /** One that is named; a connection does not outlive the process. */
  function findLeft(key: string): Delivery | null {
    const clientId = key.startsWith(CLIENT_PREFIX) ? key.slice(CLIENT_PREFIX.length) : undefined;
    const left = clientId === undefined ? [] : registry.leftBy(clientId);
    return left.length === 1 ? left[0]! : null;
  }

  /** Tells one result and insists until the store has taken it; answers what became of it. */
  async function settle(delivery: Delivery, clientId: string, text: string): Promise<OutcomeCode | undefined> {
    for (;;) {
      const result = { ...delivery, result: Buffer.from(text), contentType: TEXT };
      const report = { succeeded: [result], failed: [], released: [], stopped: [], untouched: [] };
      const [outcome] = await registry.tell(report, clientId);
      if (outcome?.code !== 'RETRY_LATER') return outcome?.code;
      await new Promise<void>((resolve) => {
        clock.after(outcome.afterMs, resolve);
      });
    }
  }

  async function refuse(delivery: Delivery, clientId: string): Promise<void> {
    const error = {
      code: 'NOT_TEXT',
      message: 'the payload is not UTF-8 text, which is all a classic client can take',
    };
    const failure = { ...delivery, error, retry: { kind: 'never' as const } };
    await registry.tell({ succeeded: [], failed: [failure], released: [], stopped: [], untouched: [] }, clientId);
  }

  function createOutlet(call: TextStream, peer: string, turn: Turn, clientId: string, onWrite: boolean): TaskOutlet {
    function write(task: ClaimedTask, onTaken: () => void): boolean {
      const delivery = { taskId: task.id, delivery: task.delivery };
      let text: string;
      try {
        text = decoder.decode(task.payload);
      } catch {
        void refuse(delivery, clientId);
        onTaken();
        return true;
      }
      if (!onWrite) turn.held = delivery;
      const hasRoom = call.write({ task: text }, onTaken);
      if (onWrite) void settle(delivery, clientId, '');
      return hasRoom;
    }

    return {
      peer,
      // Of all events only tasks have words in this contract.
      send: (_seq, event, onTaken = () => undefined) =>
        event.kind !== 'tasks' || event.tasks.map((task) => write(task, onTaken)).every(Boolean),
      onRoom: (listener) => call.on('drain', listener),
      end: (error) => (error ? ends.end(call, peer, error) : call.end()),
    };
  }

  return {
    getTask(call) {
      const peer = call.getPeer();
      const pair = pairs.enter(keyOf(call.metadata, peer));
      let turn: Turn | null = null;
      let hasLeft = false;

      function leave(): void {
        if (hasLeft) return;
        hasLeft = true;
        if (turn) {
          turn.isStreamOver = true;
          // What it holds stays its own for the window; more it does not get.
          if (turn.session) registry.disconnect(turn.session);
        }
        pair.checkTurn();
        pair.leave();
      }

      async function serve(): Promise<void> {
        const { clientId, queue, onWrite } = readCall(call.metadata, peer, options.settleOnWrite);
        turn = await pair.waitForTurn();
        if (!turn) return;
        if (isOver(call)) turn.isStreamOver = true;
        else {
          turn.session = await registry.open({
            id: newSessionId(),
            subject: '',
            clientId,
            isNamed: false,
            isResumable: false,
            isAnswerable: true,
            queues: [queue],
            labels: {},
            credit: 1,
            agent: 'classic',
            resume: null,
            outlet: createOutlet(call, peer, turn, clientId, onWrite),
          });
          if (isOver(call)) {
            turn.isStreamOver = true;
            registry.disconnect(turn.session);
          }
        }
        pair.checkTurn();
      }

      ends.open(call, peer);
      call.on('cancelled', leave);
      call.on('finish', leave);
      serve().catch((error: unknown) => ends.end(call, peer, error));
    },

    sendStatus(call) {
      const peer = call.getPeer();
      const pair = pairs.enter(keyOf(call.metadata, peer));
      const leave = once(pair);
      ends.open(call, peer);
      const out = ends.outflow(call, peer);
      call.on('cancelled', leave);
      call.on('finish', leave);
      call.on('data', ({ msg }: classic.ClientMsg) => {
        if (pair.turn?.session) pair.turn.session.text = cutText(msg, MAX_STATUS_LENGTH);
        if (out.write({ ret: 'ok' }, 16)) return;
        call.pause();
        void out.hasRoom().then((hasRoom) => hasRoom && call.resume());
      });
      call.on('end', () => call.end());
    },

    tellResult(call, callback) {
      const peer = call.getPeer();
      const { metadata } = call;
      const pair = pairs.enter(keyOf(metadata, peer));
      const leave = once(pair);
      call.on('cancelled', leave);
      ends.answer(callback, async () => {
        try {
          const { clientId, onWrite } = readCall(metadata, peer, options.settleOnWrite);
          for await (const { ret } of readMessages(call)) {
            const { turn } = pair;
            if (!turn?.held) {
              if (onWrite) continue;
              throw new ContactError('FAILED_PRECONDITION', 'tellResult: this client holds no task');
            }
            const { held } = turn;
            turn.held = null;
            const code = await settle(held, clientId, ret);
            pair.checkTurn();
            if (code === 'TOO_LARGE') throw tooLarge(ret, maxResultBytes);
          }
          return {};
        } finally {
          leave();
        }
      });
    },
  };
}

function tooLarge(text: string, maxBytes: number): ContactError {
  const message = `tellResult: the result has ${Buffer.byteLength(text)} bytes, at most ${maxBytes} are taken`;
  return new ContactError('RESOURCE_EXHAUSTED', `${message}; its task has failed`);
}

function once(pair: Pair): () => void {
  let hasLeft = false;
  return () => {
    if (!hasLeft) pair.leave();
    hasLeft = true;
  };
}

function keyOf(metadata: Metadata, peer: string): string {
  const clientId = metadataText(metadata, CLIENT_KEY);
  return clientId === undefined ? `connection ${peer}` : `${CLIENT_PREFIX}${clientId}`;
}

interface ClassicCall {
  readonly clientId: string;
  readonly queue: string;
  readonly onWrite: boolean;
}

function readCall(metadata: Metadata, peer: string, settleOnWrite: boolean): ClassicCall {
  const clientId = metadataText(metadata, CLIENT_KEY) ?? `classic:${peer}`.replaceAll(/[^A-Za-z0-9._:/-]/g, '.');
  const queue = metadataText(metadata, QUEUE_KEY) ?? 'default';
  const settle = metadataText(metadata, SETTLE_KEY);
  if (!isName(clientId)) throw invalidName(CLIENT_KEY, clientId);
  if (!isName(queue)) throw invalidName(QUEUE_KEY, queue);
  if (settle !== undefined && settle !== 'on-write') throw invalid(SETTLE_KEY, 'expected on-write, or nothing');
  return { clientId, queue, onWrite: settleOnWrite || settle === 'on-write' };
}
