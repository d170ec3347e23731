import type { classic } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid, invalidName } from '../../shared/errors.ts';
import { isName, newSessionId } from '../../shared/ids.ts';
import type { Namer } from '../model/owner.ts';
import type { ClaimedTask, Delivery } from '../model/task.ts';
import type { OutcomeCode, TaskOutlet } from '../session/outlet.ts';
import type { Registry } from '../session/registry.ts';
import type { ResultReport } from '../session/report.ts';
import { type Context, whenAborted } from './context.ts';
import type { Handlers } from './handler.ts';
import { CLIENT_KEY, readClient } from './identity.ts';
import { createPairs, type Turn } from './pairs.ts';
import type { Places } from './places.ts';
import { checkQueue } from './scope.ts';
import { showText } from './status.ts';

const QUEUE_KEY = 'contact-queue';
const SETTLE_KEY = 'contact-settle';
const MAX_STATUS_LENGTH = 256;
const CLIENT = 'client';
const TEXT = 'text/plain; charset=utf-8';
const NO_RESULTS: ResultReport = { succeeded: [], failed: [], released: [], stopped: [], untouched: [] };

export interface ClassicHandlersOptions {
  readonly registry: Registry;
  /** Sessions of each principal, of both contracts. */
  readonly places: Places;
  readonly clock: Clock;
  /** How long a task whose getTask has ended waits for its result. */
  readonly windowMs: number;
  readonly maxResultBytes: number;
  /** The server's option: settle tasks when they are written, also without the client asking for it. */
  readonly settleOnWrite: boolean;
}

/** The getTask stream of a classic client, to which its tasks are written. */
export interface TextOutlet extends Pick<TaskOutlet, 'onDrain'> {
  isOver(): boolean;
  /** Ends the stream; null: with OK. */
  end(error: unknown): void;
  /** False: it was taken, and nothing more should be sent before `onDrain`. */
  write(text: string, onTaken: () => void): boolean;
}

/** The classic contract: text tasks one at a time, and results that name no task. */
export interface ClassicHandlers extends Handlers<typeof classic.Contact, 'getTask'> {
  /**
   * getTask: waits for its turn, and is given tasks from then on. What it answers is called once, when the stream has
   * ended.
   */
  openTasks(context: Omit<Context, 'signal'>, outlet: TextOutlet): () => void;
}

export function createClassicHandlers(options: ClassicHandlersOptions): ClassicHandlers {
  const { registry, places, clock, windowMs, maxResultBytes, settleOnWrite } = options;
  const pairs = createPairs({ clock, windowMs, findLeft });
  const decoder = new TextDecoder('utf-8', { fatal: true });

  /** The task that a named key left; a key that is a connection does not outlive the process. */
  function findLeft(key: string): Delivery | null {
    const { clientId, subject } = readKey(key);
    const left = clientId === undefined ? [] : registry.leftBy(clientId, subject);
    return left.length === 1 ? left[0]! : null;
  }

  /** Tells one result and insists until the store has taken it; answers what became of it. */
  async function settle(delivery: Delivery, by: Namer, text: string): Promise<OutcomeCode | undefined> {
    for (;;) {
      const result = { ...delivery, result: Buffer.from(text), contentType: TEXT };
      const [outcome] = await registry.tell({ ...NO_RESULTS, succeeded: [result] }, by);
      if (outcome?.code !== 'RETRY_LATER') return outcome?.code;
      await new Promise<void>((resolve) => {
        clock.after(outcome.afterMs, resolve);
      });
    }
  }

  async function refuse(delivery: Delivery, by: Namer): Promise<void> {
    const error = {
      code: 'NOT_TEXT',
      message: 'the payload is not UTF-8 text, which is all a classic client can take',
    };
    const failure = { ...delivery, error, retry: { kind: 'never' as const } };
    await registry.tell({ ...NO_RESULTS, failed: [failure] }, by);
  }

  function createOutlet(peer: string, outlet: TextOutlet, turn: Turn, call: ClassicCall): TaskOutlet {
    const { onWrite } = call;

    function write(task: ClaimedTask, onTaken: () => void): boolean {
      const delivery = { taskId: task.id, delivery: task.delivery };
      let text: string;
      try {
        text = decoder.decode(task.payload);
      } catch {
        void refuse(delivery, call);
        onTaken();
        return true;
      }
      if (!onWrite) turn.held = delivery;
      const hasRoom = outlet.write(text, onTaken);
      if (onWrite) void settle(delivery, call, '');
      return hasRoom;
    }

    return {
      peer,
      // The classic contract has a message for tasks and for no other event.
      send: (_seq, event, onTaken = () => undefined) =>
        event.kind !== 'tasks' || event.tasks.map((task) => write(task, onTaken)).every(Boolean),
      onDrain: outlet.onDrain,
      end: outlet.end,
    };
  }

  return {
    openTasks(context, outlet) {
      const pair = pairs.enter(keyOf(context));
      let turn: Turn | null = null;
      let leave: (() => void) | undefined;

      async function serve(): Promise<void> {
        const call = readCall(context, settleOnWrite);
        leave = places.take(context.caller);
        turn = await pair.waitForTurn();
        if (!turn) return;
        if (!outlet.isOver()) turn.session = await openSession(call, turn);
        if (outlet.isOver()) {
          turn.isStreamOver = true;
          if (turn.session) registry.disconnect(turn.session);
        }
        pair.checkTurn();
      }

      const openSession = (call: ClassicCall, ofTurn: Turn) =>
        registry.open({
          id: newSessionId(),
          subject: call.subject,
          clientId: call.clientId,
          isNamed: false,
          isResumable: false,
          isAnswerable: true,
          queues: [call.queue],
          labels: {},
          credit: 1,
          agent: 'classic',
          resume: null,
          outlet: createOutlet(context.peer, outlet, ofTurn, call),
        });

      serve().catch(outlet.end);
      return () => {
        if (turn) {
          turn.isStreamOver = true;
          // The client keeps what it holds for the window, and is given no more.
          if (turn.session) registry.disconnect(turn.session);
        }
        pair.checkTurn();
        pair.leave();
        leave?.();
      };
    },

    async *sendStatus(requests, context) {
      if (context.header(CLIENT_KEY) !== undefined) readClient(context);
      const pair = pairs.enter(keyOf(context));
      try {
        for await (const { msg } of requests) {
          if (pair.turn?.session) pair.turn.session.text = showText(msg, MAX_STATUS_LENGTH);
          yield { ret: 'ok' };
        }
      } finally {
        pair.leave();
      }
    },

    async tellResult(requests, context) {
      const pair = pairs.enter(keyOf(context));
      let hasLeft = false;
      const leave = (): void => {
        if (!hasLeft) pair.leave();
        hasLeft = true;
      };
      // The call may wait for the store long after its client has gone.
      whenAborted(context.signal, leave);
      try {
        const call = readCall(context, settleOnWrite);
        for await (const { ret } of requests) {
          const { turn } = pair;
          if (!turn?.held) {
            if (call.onWrite) continue;
            throw new ContactError('FAILED_PRECONDITION', 'tellResult: this client holds no task');
          }
          const { held } = turn;
          turn.held = null;
          const code = await settle(held, call, ret);
          pair.checkTurn();
          if (code === 'TOO_LARGE') throw tooLarge(ret, maxResultBytes);
        }
        return {};
      } finally {
        leave();
      }
    },
  };
}

function tooLarge(text: string, maxBytes: number): ContactError {
  const message = `tellResult: the result has ${Buffer.byteLength(text)} bytes, at most ${maxBytes} are taken`;
  return new ContactError('RESOURCE_EXHAUSTED', `${message}; its task has failed`);
}

type Beside = Pick<Context, 'caller' | 'header' | 'peer'>;

/** Whose streams belong together: those of one client or connection, and of one principal. No id, and no peer, has a blank. */
function keyOf(beside: Beside): string {
  const { caller, peer } = beside;
  const clientId = beside.header(CLIENT_KEY) ?? caller.clientId;
  return `${clientId === undefined ? `connection ${peer}` : `${CLIENT} ${clientId}`} ${caller.principal}`;
}

function readKey(key: string): { readonly clientId: string | undefined; readonly subject: string } {
  const [kind, id, ...principal] = key.split(' ');
  return { clientId: kind === CLIENT ? id : undefined, subject: principal.join(' ') };
}

interface ClassicCall extends Namer {
  readonly clientId: string;
  readonly subject: string;
  readonly queue: string;
  readonly onWrite: boolean;
}

function readCall(beside: Beside, settleOnWrite: boolean): ClassicCall {
  const { caller, peer } = beside;
  const isNamed = (beside.header(CLIENT_KEY) ?? caller.clientId) !== undefined;
  const { clientId } = isNamed
    ? readClient(beside)
    : { clientId: `classic:${peer}`.replaceAll(/[^A-Za-z0-9._:/-]/g, '.') };
  const queue = beside.header(QUEUE_KEY) ?? 'default';
  const settle = beside.header(SETTLE_KEY);
  if (!isName(queue)) throw invalidName(QUEUE_KEY, queue);
  checkQueue(caller, queue, QUEUE_KEY);
  if (settle !== undefined && settle !== 'on-write') throw invalid(SETTLE_KEY, 'expected on-write, or nothing');
  return { clientId, subject: caller.principal, queue, onWrite: settleOnWrite || settle === 'on-write' };
}
