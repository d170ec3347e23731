import { conformance, type Mutant, transport, unit } from './mutant.ts';

const bySame = conformance(
  'release',
  'memory store leaves a delivery, running or lost, to its principal among those of the same client id',
);
const byTurnedOn = conformance(
  'release',
  'memory store goes on with what it had when authentication was turned on: resumed, replaced or lost',
);
const stays = transport(
  'access-sessions',
  'stays, with what it has, when another comes by its client id: that is as another client to it',
);

/** Of whose a delivery is, among principals of one client id. */
export const OWNER_MUTANTS: readonly Mutant[] = [
  {
    id: 'owner: principals of one client id are one',
    file: 'server/model/owner.ts',
    find: "return one === other || one === '' || other === '';",
    replace: 'return one !== undefined && other !== undefined;',
    caughtBy: bySame,
  },
  {
    id: 'owner: what nobody was asked for is lost when authentication is turned on',
    file: 'server/model/owner.ts',
    find: "return one === other || one === '' || other === '';",
    replace: 'return one === other;',
    caughtBy: byTurnedOn,
  },
  {
    id: 'owner: a principal that names no client has the deliveries of all',
    file: 'server/model/owner.ts',
    find: 'if (clientId === undefined) return owner.subject === subject;',
    replace: 'if (clientId === undefined) return true;',
    caughtBy: transport(
      'access-sessions',
      'has what was lost with it, until another has that: over TellResult too, named or not',
    ),
  },
  {
    id: 'owner: a running delivery is for whoever names it',
    file: 'server/model/delivery.ts',
    find: 'if (namedBy && runner && !isOwnedBy(runner, namedBy)) return undefined;',
    replace: '',
    caughtBy: unit('owner', 'opens what runs to its owner alone, and to the server'),
  },
  {
    id: 'owner: the principal of a lost delivery is not stored',
    file: 'server/store/sqlite/deliveries.ts',
    find: 'owner?.subject ?? null,\n',
    replace: 'null,\n',
    caughtBy: bySame,
  },
  {
    id: 'owner: a session of another principal is replaced',
    file: 'server/store/sqlite/sessions.ts',
    find: 'row.key !== session.key && isOwn(row),',
    replace: 'row.key !== session.key,',
    caughtBy: stays,
  },
  {
    id: 'owner: a session is that of the principal that it had before authentication was turned on',
    file: 'server/store/sqlite/rows/sessions.ts',
    find: 'return put(row.key, row.epoch + 1, { clientId: row.client_id, subject, isNamed, node });',
    replace: 'return put(row.key, row.epoch + 1, { clientId: row.client_id, subject: row.subject, isNamed, node });',
    caughtBy: byTurnedOn,
  },
  {
    id: 'owner: what a session tells is of any principal',
    file: 'server/session/status.ts',
    find: 'return takeResults(report, session);',
    replace: "return takeResults(report, { clientId: session.clientId, subject: '' });",
    caughtBy: stays,
  },
  {
    id: 'owner: a duplicate to anybody',
    file: 'server/model/owner.ts',
    find: 'return teller === null || namedBy === undefined || isOwnedBy(teller, namedBy);',
    replace: 'return true || isOwnedBy(teller!, namedBy!);',
    caughtBy: transport(
      'access-sessions',
      'has told what it has told: to another that names the delivery it is STALE, also after a failure that is retried',
    ),
  },
  {
    id: 'owner: who told a result is not written down',
    file: 'server/store/sqlite/deliveries.ts',
    find: "decision.isTold && subject !== '' ? subject : null",
    replace: 'null',
    caughtBy: transport(
      'access-sessions',
      'has told what it has told: to another that names the delivery it is STALE, also after a failure that is retried',
    ),
  },
  {
    id: 'owner: a session beside the Serve of another',
    file: 'server/session/opening.ts',
    find: 'if ((streams.subjectOf(clientId) ?? subject) === subject) return;',
    replace: 'return;',
    caughtBy: transport('access-sessions', 'is refused where another serves as its client, unless it comes back'),
  },
  {
    id: 'owner: who comes back is kept out by a Serve of another',
    file: 'server/session/opening.ts',
    find: 'if (roster.isReturning(registration) || lost.isAwaited(registration)) return;',
    replace: '',
    caughtBy: transport('access-sessions', 'is refused where another serves as its client, unless it comes back'),
  },
];
