/** A fault of one place: what is there is replaced while the file is loaded. */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A test that fails with it: its file, and its full title or the end of that. */
  readonly caughtBy: { readonly file: string; readonly title: string };
}

const conformance = (name: string, title: string) => ({ file: `test/conformance/${name}.test.ts`, title });
const transport = (name: string, title: string) => ({ file: `test/transport/${name}.test.ts`, title });
const unit = (name: string, title: string) => ({ file: `test/unit/${name}.test.ts`, title });

const DELIVERIES = 'server/store/sqlite/deliveries.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    id: 'fence dropped',
    file: DELIVERIES,
    find: 'if (row.delivery !== delivery) return undefined;',
    replace: '',
    caughtBy: conformance('settle', 'sqlite store fences an older delivery once the task was claimed again'),
  },
  {
    id: 'timeouts not fenced by the epoch',
    file: DELIVERIES,
    find: 'return row.session_key === session.key && sessions.get(session.key)?.epoch === session.epoch;',
    replace: 'return row.session_key === session.key;',
    caughtBy: conformance('settle', 'sqlite store lets the server act only through the session row that runs it'),
  },
  {
    id: 'acknowledged before the commit',
    file: 'server/store/sqlite/engine.ts',
    find: 'commit.run();',
    replace: 'setTimeout(() => commit.run(), 5);',
    caughtBy: conformance('durable', 'answers only after the commit: any reader of the file sees it by then'),
  },
  {
    id: 'receipt ignored',
    file: 'server/session/ledger.ts',
    find: 'unreceipted[0]!.seq <= seq',
    replace: 'unreceipted[0]!.seq < 0',
    caughtBy: transport('receipts', 'hold back what would exceed the bytes in flight of a session'),
  },
  {
    id: 'claim not persisted',
    file: 'server/store/sqlite/fresh.ts',
    find: '    insertClaim.run(claim.id, claim.now, JSON.stringify(claim.runs));',
    replace: '',
    caughtBy: conformance('durable', 'lists what an earlier process left behind, until it is resumed or ended'),
  },
  {
    id: 'a result read past those that are not written yet',
    file: 'server/store/sqlite/tasks.ts',
    find: '      flush();\n      const row = selectById.get(id);',
    replace: '      const row = selectById.get(id);',
    caughtBy: conformance('many', 'rows store are settled with some of them told twice'),
  },
  {
    id: 'half a refused insert left behind',
    file: 'server/store/sqlite/insert.ts',
    find: '      deleteTasksFrom.run(firstKey);\n      return false;',
    replace: '      return false;',
    caughtBy: conformance('many', 'sqlite store are inserted beside some that were there already'),
  },
  {
    id: 'cancel flag not in the row that is kept',
    file: 'server/store/sqlite/tasks.ts',
    find: '      warm.forgetRunning(id);\n',
    replace: '',
    caughtBy: conformance('cancel', 'rows store turns a release and a loss into cancelled, never ready again'),
  },
  {
    id: 'fresh: changed without a row',
    file: 'server/store/sqlite/tasks.ts',
    find: '      fresh.write(key, id);\n      warm',
    replace: '      warm',
    caughtBy: conformance('fresh', 'get one when anything else happens to them'),
  },
  {
    id: 'fresh: not as the file has it after a rollback',
    file: 'server/store/sqlite/engine.ts',
    find: '    fresh.reload();\n',
    replace: '',
    caughtBy: conformance('fresh', 'are as the file has them after a commit that failed'),
  },
  {
    id: 'fresh: nothing comes back when the store opens',
    file: 'server/store/sqlite/store.ts',
    find: '    writeDown(db);\n',
    replace: '',
    caughtBy: conformance('fresh', 'are there again, in their order and with who runs them'),
  },
  {
    id: 'fresh: what fell behind is not written',
    file: 'server/store/sqlite/fresh.ts',
    find: '      if (behind >= next) break;\n      writeReady(task);',
    replace: '      if (behind >= next) break;',
    caughtBy: conformance('fresh', 'are written when many came after them'),
  },
  {
    id: 'fresh: the first key stays behind an insert that is taken back',
    file: 'server/store/sqlite/fresh.ts',
    find: '      if (fromKey !== null && fromKey > key) setFrom(key);\n',
    replace: '',
    caughtBy: conformance('fresh', 'come back after a large insert was taken back'),
  },
  {
    id: 'fresh: claimed in the order of inserts',
    file: 'server/store/sqlite/fresh.ts',
    find: 'levels.splice(at < 0 ? levels.length : at, 0, level);',
    replace: 'levels.push(level);',
    caughtBy: conformance(
      'claim',
      'sqlite store takes the larger priority first, then the one that was ready first, over all lanes of a queue',
    ),
  },
  {
    id: 'answered before the log is on disk',
    file: 'server/store/sqlite/engine.ts',
    find: 'syncing = disk.wal.sync();',
    replace: 'syncing = disk.wal.sync(); return answers;',
    caughtBy: conformance('log', 'is on disk before anything is answered, and the next commit waits for it'),
  },
  {
    id: 'window zero',
    file: 'server/session/lost.ts',
    find: 'timers.set(window, windowMs);',
    replace: 'timers.set(window, 0);',
    caughtBy: transport('adoption', 'keeps its tasks for the window, then another worker gets them'),
  },
  {
    id: 'commit order changed: settles after the ends of sessions',
    file: 'server/store/request.ts',
    find: '  settle: 0,',
    replace: '  settle: 4,',
    caughtBy: conformance('groups', 'stores a result before the end of its session, when both come in one turn'),
  },
  {
    id: 'cursor off by one',
    file: 'server/dispatch/results.ts',
    find: 'let next = recall(position + 1);',
    replace: 'let next = recall(position);',
    caughtBy: transport('observer', 'goes on from the last cursor, each result exactly once'),
  },
  {
    id: 'cursor off by one in the store',
    file: 'server/store/sqlite/reads.ts',
    find: 'WHERE r.position > ? ORDER BY',
    replace: 'WHERE r.position > 1 + ? ORDER BY',
    caughtBy: conformance('reads', 'sqlite store pages through dense positions in commit order'),
  },
  {
    id: 'credit plus one',
    file: 'server/session/ledger.ts',
    find: 'const limit = this.credit -',
    replace: 'const limit = 1 + this.credit -',
    caughtBy: transport('credit', 'is never exceeded while 500 tasks wait'),
  },
  {
    id: 'cancel flag forgotten',
    file: 'server/store/sqlite/upkeep.ts',
    find: 'if (row.cancel_reason === null) setCancel.run(reason, row.key);',
    replace: '',
    caughtBy: transport('resume', 'hears again of a cancel'),
  },
  {
    id: 'duplicate accepted: a delivery that ended is open again',
    file: DELIVERIES,
    find: 'if (row.state !== READY || session || (row.ended !== ENDED.lost && row.ended !== ENDED.lostBurnt)) return undefined;',
    replace: 'if (row.state === null || session) return undefined;',
    caughtBy: conformance('settle', 'sqlite store schedules a retry by the policy'),
  },
  {
    id: 'duplicate accepted: an idempotency key is not kept',
    file: 'server/store/sqlite/insert.ts',
    find: '    task.key,\n',
    replace: '    null,\n',
    caughtBy: conformance(
      'insert',
      'sqlite store scopes an idempotency key to its queue, and names the task that has it',
    ),
  },
  {
    id: 'resume without what it holds',
    file: 'server/session/registry.ts',
    find: 'for (const task of opened.held) {',
    replace: 'for (const task of opened.held.slice(opened.held.length)) {',
    caughtBy: transport('resume', 'has its credit taken by what it holds'),
  },
  {
    id: 'holding forgotten in the store',
    file: 'server/store/sqlite/opening.ts',
    find: 'applyHolding(resume?.holding ?? [], session,',
    replace: 'applyHolding([], session,',
    caughtBy: transport('resume', 'keeps what it runs and what it has finished'),
  },
  {
    id: 'a loss before the start burns an attempt',
    file: DELIVERIES,
    find: 'const burnt = row.attempt + (isStarted ? 1 : 0);',
    replace: 'const burnt = row.attempt + 1;',
    caughtBy: conformance('sessions', 'sqlite store makes its tasks ready, burning only what was started'),
  },
  {
    id: 'every loss fails',
    file: DELIVERIES,
    find: 'if (isStarted && (burnt >= row.max_attempts',
    replace: 'if ((burnt + 1 >= row.max_attempts',
    caughtBy: conformance('release', 'sqlite store never fails a task that was not started'),
  },
  {
    id: 'paused queue claimed',
    file: 'server/dispatch/lanes.ts',
    find: ' && !pausedQueues.has(lane.queue)) hot.add(lane);',
    replace: ') hot.add(lane);',
    caughtBy: transport('operators', 'give nothing while they are paused, over a restart too'),
  },
  {
    id: 'wake-up during a claim lost',
    file: 'server/dispatch/wake.ts',
    find: '          isWoken = true;\n          if (!isRunning) run()',
    replace: '          if (!isRunning) run()',
    caughtBy: unit('wake', 'does not lose a wake-up that arrives during a run'),
  },
  {
    id: 'expiry forgotten when a task comes back',
    file: 'server/dispatch/queue.ts',
    find: 'if (ready.length > 0) due.expect(clock.now());',
    replace: '',
    caughtBy: transport('enqueue', 'expires what is given back after its time'),
  },
  {
    id: 'timed out delivery forgotten when the task goes on',
    file: 'server/session/holders.ts',
    find: 'if (before && before.held.delivery !== held.delivery) older.set(nameOf(before.held), before);',
    replace: '',
    caughtBy: transport('credit', 'is freed by the word about a task that timed out, although another has it now'),
  },
  {
    id: 'timeout frees credit',
    file: 'server/session/attempts.ts',
    find: 'entry.held.isClosed = true;',
    replace: 'options.holders().drop(entry.session, entry.held);',
    caughtBy: transport('timeout', 'does not free credit, the word of the client does'),
  },
  {
    id: 'earlier resume lives on beside the later',
    file: 'server/session/registry.ts',
    find: 'for (const { key } of [opened.session, ...opened.replaced]) {',
    replace: 'for (const { key } of opened.replaced) {',
    caughtBy: transport('resume', 'may be resumed twice by the same name while the first resume still seems to live'),
  },
  {
    id: 'adopted counts as started',
    file: 'server/session/registry.ts',
    find: 'task.isStarted ?? true',
    replace: 'true',
    caughtBy: transport('adoption', 'never holds a loss against what did not begin, adopted in between or not'),
  },
  {
    id: 'refused result keeps its credit after a resume',
    file: 'server/session/results.ts',
    find: 'owner.ledger.stopSettling(held);',
    replace: 'session.ledger.stopSettling(held);',
    caughtBy: unit(
      'registry',
      'takes back the credit of a result that the store refused, although its session was resumed meanwhile',
    ),
  },
  {
    id: 'ended session taken for an empty lane',
    file: 'server/store/sqlite/claim.ts',
    find: 'if (turn.isGone || request.limit <= 0',
    replace: 'if (turn.isGone) turn.isExhausted = true;\n    if (turn.isGone || request.limit <= 0',
    caughtBy: unit('registry', 'gives tasks to the others while a session is replaced'),
  },
  {
    id: 'whole claim taken for the end of a session',
    file: 'server/dispatch/lanes.ts',
    find: 'const isWhole = outcome.tasks.length === 0 &&',
    replace: 'const isWhole = outcome.tasks.length < 0 &&',
    caughtBy: unit('lanes', 'asks again for a receiver that got nothing because the claim as a whole was full'),
  },
  {
    id: 'wake-up by credit during a claim lost',
    file: 'server/dispatch/lanes.ts',
    find: 'if (isEnough && !fed.has(receiver)) satisfy',
    replace: 'if (isEnough) satisfy',
    caughtBy: unit('lanes', 'asks again for a receiver that was fed while its claim was under way'),
  },
  {
    id: 'plain session bounded as if it gave receipts',
    file: 'server/session/session.ts',
    find: 'if (!session.status && !isFull) options.onRoom(session);',
    replace: '',
    caughtBy: transport('plain', 'is given tasks of any size up to its credit'),
  },
  {
    id: 'half a message taken for silence',
    file: 'server/transport/worker.ts',
    find: 'onPiece(call, found.touch);',
    replace: '',
    caughtBy: transport('slow', 'as a worker that reports a large result keeps its session'),
  },
  {
    id: 'silence counted while the process stood still',
    file: 'server/session/session.ts',
    find: ' + Math.max(0, now - lookAt);',
    replace: ';',
    caughtBy: unit('session', 'has as much time to be heard as the process stood still'),
  },
];
