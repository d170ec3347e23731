import type { Delivery } from '../../server/model/task.ts';
import type { Outcome, SessionEvent, StatusOutlet, TaskOutlet } from '../../server/session/outlet.ts';
import { ContactError } from '../../shared/errors.ts';
import { newSessionId } from '../../shared/ids.ts';
import {
  type Accounts,
  arrive,
  begin,
  depart,
  forgetKept,
  forgetUnread,
  holdingOf,
  isRemembered,
  isSure,
  keep,
  nameOf,
  openCount,
} from './accounts.ts';
import { createWorker, type Line, type Opening, type Saying, type Worker, type Workers } from './line.ts';
import { judgePush } from './pushed.ts';
import { NOTHING, type Report, reportOf } from './reports.ts';
import { type BareServer, SETTINGS } from './server.ts';

/** @param only where lines lead, unless it is said */
export function createWorkers(only: BareServer, accounts: Accounts): Workers {
  let textCount = 0;

  function complain(what: string): void {
    accounts.complaints.push(what);
  }

  /** Over for both; what it held may run on for its window. `isMissed`: somebody waits for it to come back. */
  function endLine(line: Line, isMissed: boolean): void {
    if (line.isOver) return;
    line.isOver = true;
    accounts.lines.delete(line);
    const until = line.server.clock.monotonic() + SETTINGS.resumeWindowMs;
    for (const name of line.open.keys()) {
      accounts.lostUntil.set(name, until);
      if (isMissed && line.isResumable && !line.isStale && !accounts.underWay.has(name))
        keep(accounts, name, until, line.worker.clientId);
    }
  }

  function receive(line: Line, event: SessionEvent): void {
    if (line.isEnded) complain(`${event.kind} after the end`);
    if (!line.isRegistered && event.kind !== 'registered') complain(`${event.kind} before registered`);
    if (event.kind === 'registered') {
      line.isRegistered = true;
      const closed = new Set(event.closed.map(nameOf));
      // The end of one may have been told elsewhere, and answered, before this is heard.
      const isHeld = (name: string): boolean => !closed.has(name) && !accounts.stored.has(name);
      for (const one of line.holding) if (isHeld(nameOf(one))) hold(line, one);
    }
    if (event.kind === 'cancel') line.cancelled.add(nameOf(event.delivery));
    if (event.kind !== 'tasks') return;
    for (const task of event.tasks) {
      const delivery = { taskId: task.id, delivery: task.delivery };
      for (const wrong of judgePush(accounts, line, task, line.server.clock.monotonic())) complain(wrong);
      const isLast = task.attempt >= task.maxAttempts;
      // One that comes late, from a node that has not heard of the next, is told apart by its number.
      if (task.delivery > (accounts.newest.get(task.id) ?? 0)) {
        if (isLast) accounts.lastPushed.set(task.id, task.delivery);
        accounts.newest.set(task.id, task.delivery);
        accounts.newestAt.set(task.id, line.server);
      }
      accounts.pushed.push(delivery);
      accounts.pushedTo.set(nameOf(delivery), line.worker.clientId);
      hold(line, delivery);
      if (!line.isFull || isLast) begin(accounts, delivery);
    }
    const count = openCount(accounts, line);
    if (count > line.ceiling) complain(`${count} open deliveries with a credit of ${line.ceiling}`);
  }

  function hold(line: Line, delivery: Delivery): void {
    line.open.set(nameOf(delivery), delivery);
    line.known.add(nameOf(delivery));
    // Ended by its worker before it was registered.
    if (line.isOver) accounts.lostUntil.set(nameOf(delivery), line.server.clock.monotonic() + SETTINGS.resumeWindowMs);
  }

  function setCeiling(line: Line, credit: number): void {
    line.credit = Math.min(credit, line.isFull ? SETTINGS.maxInFlight : SETTINGS.maxPlainInFlight);
    line.ceiling = Math.max(line.ceiling, line.credit);
  }

  function attach(line: Line): void {
    const outlet: StatusOutlet = { isOver: () => line.isOver, end: () => endLine(line, false) };
    line.server.registry
      .attachStatus({ sessionId: line.id, clientId: line.worker.clientId, subject: '' }, outlet)
      .catch((error: unknown) => {
        // It waited too long for the other stream, which is a plain one then.
        line.isFull = false;
        setCeiling(line, line.asked);
        expectRefusal(error);
      });
  }

  function expectRefusal(error: unknown): void {
    if (!(error instanceof ContactError)) complain(`not a refusal: ${String(error)}`);
  }

  function open(worker: Worker, opening: Opening, server: BareServer = only): void {
    const { kind, credit, isFull, isStatusFirst, isResumable, queues } = opening;
    for (const line of accounts.lines) {
      if (line.server === server || line.worker.clientId !== worker.clientId) continue;
      line.isStale = true;
    }
    if ((accounts.lastHouse.get(worker.clientId) ?? server) !== server) accounts.hasMoved = true;
    accounts.lastHouse.set(worker.clientId, server);
    const previousId = kind === 'fresh' ? null : worker.sessionId;
    const holding = previousId === null ? [] : holdingOf(accounts, worker, kind);
    if (previousId === null) {
      // A program that starts anew; as an ephemeral client it has nothing to do with the one before.
      worker.holding.clear();
      if (!worker.isNamed) cut(worker);
    }
    forgetKept(accounts, worker.clientId);
    const inbox: Line['inbox'] = [];
    const line: Line = {
      ...{ id: newSessionId(), worker, server, isStale: false, isUnsure: false, isResumable, queues, holding, inbox },
      ...{ asked: credit, credit: 0, ceiling: 0 },
      ...{ open: new Map(), known: new Set(), cancelled: new Set(), session: null, flow: () => undefined },
      ...{ isFull: isFull && isStatusFirst, isRegistered: false, isStalled: false, isOver: false, isEnded: false },
    };
    setCeiling(line, credit);
    worker.previous = worker.line;
    worker.line = line;
    accounts.lines.add(line);
    accounts.openings.add(line);
    const outlet: TaskOutlet = {
      peer: 'here',
      send(seq, event, onTaken) {
        receive(line, event);
        inbox.push({ seq, event });
        onTaken?.();
        return !line.isStalled;
      },
      onDrain: (listener) => {
        line.flow = listener;
      },
      end(error) {
        line.isEnded = true;
        const reason = error?.advice?.reason;
        endLine(line, reason === 'SILENT' || reason === 'OPERATOR');
      },
    };
    if (line.isFull) attach(line);
    const { clientId, isNamed } = worker;
    const rest = { subject: '', labels: {}, agent: '', isResumable, outlet };
    const isComplete = kind === 'resume';
    if (isComplete) forgetUnread(accounts, worker);
    const resume = previousId === null ? null : { previousId, holding, isComplete };
    server.registry.open({ id: line.id, clientId, isNamed, queues, credit, resume, ...rest }).then(
      (session) => {
        accounts.openings.delete(line);
        line.session = session;
        if (line.isOver) server.registry.disconnect(session);
        else if (isFull && !isStatusFirst) {
          line.isFull = true;
          setCeiling(line, credit);
          attach(line);
        }
      },
      (error: unknown) => {
        accounts.openings.delete(line);
        endLine(line, false);
        expectRefusal(error);
      },
    );
  }

  function cutLine(line: Line): void {
    endLine(line, true);
    if (line.session) line.server.registry.disconnect(line.session);
  }

  function cut({ line }: Worker): void {
    if (line && !line.isOver) cutLine(line);
  }

  function read(worker: Worker): void {
    const { line } = worker;
    if (!line || line.isOver || line.inbox.length === 0) return;
    let receipt = 0;
    for (const { seq, event } of line.inbox.splice(0)) {
      receipt = seq;
      if (event.kind === 'registered') {
        worker.sessionId = line.id;
        for (const one of event.closed) worker.holding.delete(nameOf(one));
      }
      if (event.kind !== 'tasks') continue;
      for (const { id, delivery } of event.tasks) {
        const one = { taskId: id, delivery };
        worker.holding.set(nameOf(one), one);
      }
    }
    if (line.session && line.isFull) void line.server.registry.report(line.session, { ...NOTHING, receipt });
  }

  function say(
    worker: Worker,
    said: readonly Report[],
    over: 'line' | 'previous' | 'tell',
    at: BareServer = only,
  ): void {
    const line = over === 'previous' ? worker.previous : worker.line;
    const session = over === 'tell' || !line?.isFull ? null : line.session;
    const server = session ? line!.server : at;
    const report = reportOf(said, () => `text ${++textCount}`);
    if (session) for (const one of report.started) if (line!.known.has(nameOf(one))) begin(accounts, one);
    const texts = report.succeeded.map(({ result }) => Buffer.from(result).toString());
    for (const [index, { taskId }] of report.succeeded.entries()) accounts.succeeded.set(texts[index]!, taskId);
    const failures = report.succeeded.length + report.failed.length;
    for (const one of report.untouched) accounts.untouched.add(nameOf(one));
    const ends = [...report.succeeded, ...report.failed, ...report.released, ...report.stopped, ...report.untouched];
    const guesses = new Set(ends.filter((one) => one.delivery > (accounts.newest.get(one.taskId) ?? 0)).map(nameOf));
    const returns = ends.length - report.untouched.length;
    const remembered = new Set(ends.filter((one) => isRemembered(accounts, server, one)).map(nameOf));
    const sure = new Set(
      over === 'previous' ? [] : report.succeeded.filter((one) => isSure(accounts, worker, one)).map(nameOf),
    );
    const lines = new Set([...accounts.lines].filter(({ isRegistered }) => isRegistered));
    for (const one of ends) {
      accounts.keptUntil.delete(nameOf(one));
      depart(accounts, nameOf(one));
    }
    const answer = session ? server.registry.report(session, report) : server.registry.tell(report, worker);
    answer.then(
      (outcomes) =>
        outcomes.forEach((outcome, index) => {
          const isFailure = index >= texts.length && index < failures;
          // A delivery that came about after it was guessed is not accounted for by the guess.
          const isGuess = outcome.code === 'STALE' && guesses.has(nameOf(outcome));
          const isFirst = index < texts.length && sure.delete(nameOf(outcome));
          const { code } = outcome;
          if (isFirst && !['STORED', 'TOO_LARGE', 'RETRY_LATER'].includes(code)) {
            complain(`${code} for a success of ${nameOf(outcome)}, which its worker had`);
          }
          // What is given back and nobody remembers counts as begun.
          const isReturn = index >= failures && index < returns;
          if (isReturn && code === 'STORED' && !remembered.has(nameOf(outcome))) begin(accounts, outcome);
          const told: Outcome = isGuess ? { ...outcome, code: 'RETRY_LATER' } : outcome;
          hear(worker, told, texts[index], { isFailure, lines, server });
        }),
      (error: unknown) => complain(`no outcome: ${String(error)}`),
    );
  }

  function hear(worker: Worker, outcome: Outcome, text: string | undefined, by: Saying): void {
    const name = nameOf(outcome);
    arrive(accounts, name);
    // One that is too large never is a success; of a task whose cancel was asked for it is the end all the same.
    const isSuccess = outcome.code === 'STORED' && (text?.length ?? 0) <= SETTINGS.maxResultBytes;
    if (text !== undefined && !isSuccess) accounts.succeeded.delete(text);
    if (outcome.code === 'RETRY_LATER') return;
    worker.holding.delete(name);
    for (const line of accounts.lines) {
      // Nobody's word but its own client's is about what a line has; a late one, about what it has taken up since.
      const isOther = line.worker.clientId !== worker.clientId || !by.lines.has(line);
      if (outcome.code === 'STALE' && isOther) continue;
      // A node hears of what ended elsewhere, and not of a late word about it.
      if (outcome.code === 'STALE' && line.server !== by.server && line.open.has(name)) line.isUnsure = true;
      line.open.delete(name);
    }
    const isTooLarge = outcome.code === 'TOO_LARGE';
    if (outcome.code !== 'STORED' && !isTooLarge) return;
    if (by.isFailure || isTooLarge) begin(accounts, outcome);
    if (accounts.stored.has(name)) complain(`two reports stored for ${name}`);
    accounts.stored.add(name);
  }

  return {
    all: [
      createWorker('n0', true, true),
      createWorker('n1', true, false),
      createWorker('e', false, true),
      createWorker('n0', true, false), // Replaces the first, which has its name.
    ],
    open,
    cut,
    cutAll: () => [...accounts.lines].forEach(cutLine),
    read,
    stall({ line }, isStalled) {
      if (line?.isStalled !== !isStalled || line.isOver) return;
      line.isStalled = isStalled;
      if (!isStalled) line.flow();
    },
    say,
    setCredit({ line }, credit) {
      if (!line?.session || line.isOver || !line.isFull) return;
      setCeiling(line, credit);
      void line.server.registry.report(line.session, { ...NOTHING, credit });
    },
    attend() {
      for (const { worker } of accounts.lines) if (worker.isAttentive) read(worker);
    },
  };
}
