import type { DescService } from '@bufbuild/protobuf';
import type { Server } from '@grpc/grpc-js';
import { ReverseService } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { StoredCalls } from '../api/durable.ts';
import type { EventCounts } from '../model/figures.ts';
import type { Patience } from '../session/liveness.ts';
import type { Registry } from '../session/registry.ts';
import type { ServingMethods } from '../store/clients.ts';
import type { NoteFailure } from '../store/failure.ts';
import type { Callees } from '../tunnel/callees.ts';
import { createDurableCalls } from '../tunnel/durable.ts';
import { createInflating } from '../tunnel/inflate.ts';
import type { CallEnds } from './call.ts';
import { createFront, type Front } from './front.ts';
import { registerServe } from './serve.ts';
import { createUnread } from './unread.ts';

/** What calls to callees may take. */
export interface ReverseLimits {
  /** Of the message of a call that is kept. */
  readonly maxPayloadBytes: number;
  /** Of any other message. */
  readonly maxMessageBytes: number;
  /** Calls at a time. */
  readonly maxOpenCalls: number;
  /** What all calls hold and nobody has taken. */
  readonly heldBudgetBytes: number;
}

export interface ReverseOptions {
  readonly callees: Callees;
  readonly registry: Registry;
  readonly noteFailure: NoteFailure;
  readonly storedCalls: StoredCalls;
  readonly ends: CallEnds;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patience: Patience;
  readonly limits: ReverseLimits;
  readonly counts: EventCounts;
}

/** Reverse RPC: the service that callees speak, and the front that takes calls to them; a subsystem of the server. */
export interface Reverse {
  readonly descriptor: DescService;
  register(server: Server): void;
  readonly front: Front;
  start(): Promise<void>;
  /** Takes no more calls; those that run may end until the deadline. */
  close(deadline: { isOver(): boolean }): Promise<void>;
}

export function createReverse(options: ReverseOptions): Reverse {
  const { callees, registry, noteFailure, storedCalls, ends, clock, logger, patience, limits, counts } = options;
  const { maxPayloadBytes, maxMessageBytes, maxOpenCalls, heldBudgetBytes } = limits;
  const unread = createUnread({ budgetBytes: heldBudgetBytes, monotonic: clock.monotonic, logger });
  const inflate = createInflating(maxMessageBytes);
  const durable = createDurableCalls({
    keep: storedCalls.store,
    find: storedCalls.find,
    kindOf: callees.kindOf,
    inflate,
    clock,
    maxPayloadBytes,
  });
  const front = createFront({
    callees,
    durable,
    inflate,
    clock,
    logger,
    maxMessageBytes,
    maxCalls: maxOpenCalls,
    unread,
    counts,
  });
  return {
    descriptor: ReverseService,
    register: (server) =>
      registerServe(server, {
        callees,
        ends,
        clock,
        patience,
        maxMessageBytes,
        isOpenSession: registry.isOpen,
        isFree: registry.clients.isFree,
        remember(client, onTaken) {
          registry.clients.rememberServing(client).catch((error: unknown) => {
            if (error instanceof ContactError && error.code === 'ALREADY_EXISTS') onTaken(error);
            // What is refused for now is asked for again when the client comes or goes the next time.
            else noteFailure('rememberServing', error);
          });
        },
        left(client) {
          registry.clients.leaveServing(client).catch((error: unknown) => noteFailure('leaveServing', error));
        },
      }),
    front,
    async start() {
      for await (const clientId of registry.clients.listDrained()) callees.drain(clientId, true);
      for await (const { methods, subject } of listMethods(registry.clients)) callees.remember(methods, subject);
    },
    close: ({ isOver }) => front.leave(isOver),
  };
}

/** What named clients served before this server started. */
async function* listMethods({ listServing }: Registry['clients']): AsyncGenerator<ServingMethods> {
  for (let page = await listServing(''); page.length > 0; page = await listServing(page.at(-1)!.clientId)) {
    yield* page;
  }
}
