import { conformance, type Mutant, property, sqlite, transport, unit } from './mutant.ts';

const STORED = 'server/store/credential/credentials.ts';
const RATES = 'server/api/rates.ts';
const INSERT = 'server/store/sqlite/insert.ts';
const PRINCIPALS = 'server/store/sqlite/rows/principals.ts';

/** Credentials in the store that are worth too much, limits that hold nobody, and a budget of memory that is only told. */
export const LIMIT_MUTANTS: readonly Mutant[] = [
  {
    id: 'join: uses are not counted',
    file: STORED,
    find: 'const used = updateUses.get(joinId);',
    replace: 'const used = undefined as CredentialRow | undefined;',
    caughtBy: conformance('enrol', 'memory store answers the same when the answer was lost, and counts one use'),
  },
  {
    id: 'join: a revoked client comes in again',
    file: STORED,
    find: 'revokedAt !== null && revokedAt >= join.createdAt',
    replace: 'revokedAt === 0',
    caughtBy: conformance(
      'enrol',
      'memory store keeps a revoked client out, also with the answer that was lost, until a join is made for it',
    ),
  },
  {
    id: 'join: a revoked client is forgotten while an older join would let it in',
    file: 'server/store/credential/room.ts',
    find: 'AND revoked_at >= ?2',
    replace: 'AND revoked_at < ?2',
    caughtBy: conformance(
      'enrol',
      'memory store keeps a revoked client out for as long as there is a join that is older',
    ),
  },
  {
    id: 'join: a second secret for a client that has one',
    file: STORED,
    find: "if (past.some((one) => endOf(one) > now)) return refuse('taken');",
    replace: '',
    caughtBy: conformance('enrol', 'memory store says why not, and changes nothing'),
  },
  {
    id: 'join: any client comes in',
    file: STORED,
    find: "if (!matchesAny(join.rights.clients, clientId)) return refuse('client_refused');",
    replace: '',
    caughtBy: conformance('enrol', 'memory store says why not, and changes nothing'),
  },
  {
    id: 'credential: what it has replaced lives on when it is revoked',
    file: 'server/store/credential/lineage.ts',
    find: '      ids.push(before);\n',
    replace: '',
    caughtBy: conformance(
      'credentials',
      'memory store revokes what a token has replaced with it, and not what has replaced it',
    ),
  },
  {
    id: 'credential: the replaced one lives on',
    file: STORED,
    find: 'updateExpiry.get(each.id, overAt) ?? []',
    replace: '[]',
    caughtBy: property('credentials', 'are those of the model, whatever is done to them, and each change is told'),
  },
  {
    id: 'credentials: counted wrong after a rollback',
    file: 'server/store/credential/room.ts',
    find: '    count = countAll.get()!.count;\n    countByMaker.clear();',
    replace: '    if (count === 0) count = countAll.get()!.count;\n    countByMaker.clear();',
    caughtBy: sqlite('room', 'counts what is there after a commit was taken back'),
  },
  {
    id: 'rights: more is given than the giver has',
    file: 'server/model/access.ts',
    find: 'pattern.startsWith(other.slice(0, -1))',
    replace: 'pattern.startsWith(other.slice(0, -2))',
    caughtBy: property('access', 'are within others if and only if one of these means all that each means'),
  },
  {
    id: 'rate: what is given up is owed all the same',
    file: RATES,
    find: 'freeAt.set(holder, later - costOf(count));',
    replace: 'freeAt.set(holder, later);',
    caughtBy: unit('rates', 'gives back what is given up, once, and nothing of what went on'),
  },
  {
    id: 'rate: a stream is held back from nothing',
    file: 'server/api/producer.ts',
    find: '          if (turn) await waitFor(turn);\n',
    replace: '',
    caughtBy: transport(
      'principal-limits',
      'is acknowledged late by a stream that enqueues too much, in order, and loses nothing',
    ),
  },
  {
    id: 'calls of a principal: none is given back',
    file: 'server/transport/headers.ts',
    find: "      if (leave) stream.once('close', leave);\n",
    replace: '',
    caughtBy: transport('principal-limits', 'has so many calls open over all its connections, and others have theirs'),
  },
  {
    id: 'waiting tasks: a batch of many is not counted',
    file: INSERT,
    find: 'catalog.waitingRoom < MANY || ',
    replace: '',
    caughtBy: sqlite(
      'bounds',
      'are no more than the store takes, whole batches, and what is known is answered all the same',
    ),
  },
  {
    id: 'waiting tasks of a principal: a batch of many is not counted',
    file: INSERT,
    find: ' || principals.roomOf(createdBy) < MANY',
    replace: '',
    caughtBy: conformance(
      'principals',
      'sqlite store are no more than it may have, whole batches, while others have theirs',
    ),
  },
  {
    id: 'waiting tasks of a principal: the first of a batch speaks for all',
    file: INSERT,
    find: 'if (tasks.some((task) => task.createdBy !== createdBy)) return false;',
    replace: '',
    caughtBy: conformance(
      'principals',
      'sqlite store are no more than it may have, whole batches, while others have theirs',
    ),
  },
  {
    id: 'waiting tasks of a principal: what is claimed waits on',
    file: 'server/store/sqlite/claim.ts',
    find: "'claimed', task.terms.createdBy",
    replace: "'claimed', ''",
    caughtBy: conformance('principals', 'memory store make room when they are claimed, cancelled, purged, or expire'),
  },
  {
    id: 'waiting tasks of a principal: what is redriven is nobody’s',
    file: 'server/store/sqlite/tasks.ts',
    find: "'redriven', row.terms.createdBy",
    replace: "'redriven', ''",
    caughtBy: conformance(
      'principals',
      'memory store come back whatever the number: by a release, a loss, a retry and a redrive',
    ),
  },
  {
    id: 'waiting tasks of a principal: what is given back is nobody’s',
    file: 'server/store/sqlite/deliveries.ts',
    find: "catalog.move(lane, 'running', transition, createdBy)",
    replace: "catalog.move(lane, 'running', transition, '')",
    caughtBy: conformance(
      'principals',
      'memory store come back whatever the number: by a release, a loss, a retry and a redrive',
    ),
  },
  {
    id: 'waiting tasks of a principal: a child is whose it says',
    file: 'server/store/sqlite/broadcasts.ts',
    find: 'child.parentId === parentId && child.createdBy === createdBy ? child',
    replace: 'child.parentId === parentId ? child',
    caughtBy: conformance('principals', 'memory store are children of broadcasts too, as their parent is its'),
  },
  {
    id: 'waiting tasks of a principal: what is taken back stays counted',
    file: INSERT,
    find: "isDue(task, now) ? 'ready' : 'scheduled', -1, task.createdBy",
    replace: "isDue(task, now) ? 'ready' : 'scheduled', -1, ''",
    caughtBy: conformance(
      'principals',
      'sqlite store are no more than it may have, whole batches, while others have theirs',
    ),
  },
  {
    id: 'waiting tasks of a principal: read alike, whosever they are',
    file: 'server/store/sqlite/rows/task.ts',
    find: ' AND created_by IS ?`',
    replace: ' AND coalesce(?, 1) IS NOT NULL`',
    caughtBy: sqlite(
      'principals',
      'has each counted as whose it is where many are read at once, and few are in memory',
    ),
  },
  {
    id: 'waiting tasks of a principal: a rollback is counted',
    file: PRINCIPALS,
    find: 'entry.waiting = entry.committed;',
    replace: '',
    caughtBy: sqlite('principals', 'have what was committed, after a transaction that was taken back'),
  },
  {
    id: 'waiting tasks of a principal: who has none is remembered',
    file: PRINCIPALS,
    find: 'if (entry.waiting === 0) byName.delete(entry.principal);',
    replace: '',
    caughtBy: sqlite('principals', 'are no more than there may be'),
  },
  {
    id: 'waiting tasks of a principal: reaching it is not counted',
    file: 'server/api/enqueue.ts',
    find: 'counts.reachedLimits[limit] += 1',
    replace: '',
    caughtBy: transport(
      'principal-limits',
      'has so many tasks that wait, of which the SDK stores more when some were taken',
    ),
  },
  {
    id: 'named clients: one principal fills them up',
    file: 'server/store/sqlite/clients.ts',
    find: 'deleteTheirs.run(now - COME_BACK_MS, maxNamedClientsPerPrincipal);',
    replace: '',
    caughtBy: sqlite(
      'clients',
      'remembers so many of one principal that are idle, those known longest, and others’ as before',
    ),
  },
  {
    id: 'named clients: those of nobody are taken for one’s',
    file: 'server/store/sqlite/clients.ts',
    find: "subject <> '' AND ",
    replace: '',
    caughtBy: sqlite(
      'clients',
      'remembers so many of one principal that are idle, those known longest, and others’ as before',
    ),
  },
  {
    id: 'named clients: of whom it came by first',
    file: 'server/store/sqlite/clients.ts',
    find: 'ELSE excluded.subject END',
    replace: 'ELSE subject END',
    caughtBy: sqlite(
      'clients',
      'remembers so many of one principal that are idle, those known longest, and others’ as before',
    ),
  },
  {
    id: 'budget: what is let go of is never collected',
    file: 'server/session/budget.ts',
    find: 'if (most > limit * COLLECTED_SHARE) collector?.pass(moved);',
    replace: '',
    caughtBy: unit(
      'budget',
      'createByteBudget() has what was let go of collected while an eighth of it is owed, and not before',
    ),
  },
  {
    id: 'disk: who fills it has all of it',
    file: 'server/store/file/space.ts',
    find: '&& reserve.isCrowding(who)',
    replace: "&& who === 'nobody'",
    caughtBy: sqlite(
      'disk',
      'leaves what is left of it to those who have not filled it, and the last of it to results',
    ),
  },
  {
    id: 'disk: nobody has any of the rest',
    file: 'server/store/file/reserve.ts',
    find: 'if (bytes * PART > own) return false;',
    replace: '{}',
    caughtBy: unit('reserve', 'knows who has put most on the disk, and who as good as that'),
  },
  {
    id: 'disk: what was long ago counts for ever',
    file: 'server/store/file/reserve.ts',
    find: 'if (count < 1) return;',
    replace: 'if (count > -1) return;',
    caughtBy: unit('reserve', 'forgets what was long ago, by halves each ten minutes'),
  },
  {
    id: 'limits: tasks that wait in all are told by nobody',
    file: 'server/figures.ts',
    find: '...sources.store.usage(),',
    replace: '',
    caughtBy: transport('metrics', 'shows the load that there was, exactly, to a parser that is not ours'),
  },
];
