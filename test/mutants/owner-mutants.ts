import { conformance, type Mutant, transport, unit } from './mutant.ts';

const bySame = conformance(
  'release',
  'memory store leaves a delivery, running or lost, to its principal among those of the same client id',
);
const byTurnedOn = conformance(
  'release',
  'memory store goes on with what it had when authentication was turned on: resumed, replaced or lost',
);
const endsNothing = transport(
  'access-sessions',
  'has what it had when its principal has come to an end: who comes next by its client id ends nothing of it',
);
const ownsFirst = conformance(
  'owners',
  'memory store is the principal by which a named client came first, whoever comes and as long as it is remembered',
);

const FORGETS = 'memory store forgets a client that is away, with its drain, and its id is nobody’s';
const KEEPS_RUNS =
  'memory store forgets no client that may come back to a session with what that runs, and changes nothing of it';
const BY_BEING_THERE = 'is had by being there alone: a join lets nobody in by it, whatever it serves and under no name';
const LOOKS_AGAIN =
  'asks whose the client id is once more when others see the stream, and ends it if somebody has come by that since';

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
    caughtBy: conformance('owners', 'memory store leaves to a principal that has come to an end what it had'),
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
    find: 'takeResults(report, session)',
    replace: "takeResults(report, { clientId: session.clientId, subject: '' })",
    caughtBy: endsNothing,
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
    find: '(decision.isTold && toldBy) || null',
    replace: 'null',
    caughtBy: transport(
      'access-sessions',
      'has told what it has told: to another that names the delivery it is STALE, also after a failure that is retried',
    ),
  },
  {
    id: 'owner: who told the failure of a task that ends before its next attempt is forgotten',
    file: 'server/store/sqlite/deliveries.ts',
    find: "row.ended === 'failed' ? row.owner?.subject : told.subject",
    replace: 'told.subject',
    caughtBy: conformance(
      'settle',
      'memory store answers DUPLICATE to who had told a failure, and to nobody else, when the task is cancelled before the next attempt',
    ),
  },
  {
    id: 'owner: the client that told the failure of a task that ends before its next attempt is forgotten',
    file: 'server/store/sqlite/rows/attempts.ts',
    find: "coalesce(nullif(result.client_id, ''), attempt.client_id, '')",
    replace: 'result.client_id',
    caughtBy: conformance(
      'settle',
      'memory store answers DUPLICATE to who had told a failure, and to nobody else, when the task expires before the next attempt',
    ),
  },
  {
    id: 'owner: a session beside the nameless Serve of another',
    file: 'server/session/opening.ts',
    find: "if (!isSamePrincipal(streams.subjectOf(clientId) ?? '', subject)) throw",
    replace: 'if (!isSamePrincipal(subject, subject)) throw',
    caughtBy: transport(
      'access-sessions',
      'is refused where another serves as its client, also while that has no name',
    ),
  },
  {
    id: 'owner: a session by the client id of another',
    file: 'server/store/sqlite/sessions.ts',
    find: "if (!owners.isFree(clientId, subject, now)) throw takenByAnother(clientId, 'contact-client');",
    replace: '',
    caughtBy: ownsFirst,
  },
  {
    id: 'owner: what another serves is remembered of a client',
    file: 'server/store/sqlite/clients.ts',
    find: "if (!owners.isFree(clientId, subject, now)) throw takenByAnother(clientId, 'contact-client');",
    replace: '',
    caughtBy: ownsFirst,
  },
  {
    id: 'owner: another that serves no more was there as the client',
    file: 'server/store/sqlite/clients.ts',
    find: "AND methods <> '[]' AND ",
    replace: "AND methods <> '[]' AND true OR ",
    caughtBy: conformance('owners', 'memory store is a client that serves, as one with a session'),
  },
  {
    id: 'owner: a client is nobody’s as soon as nobody is asked',
    file: 'server/store/sqlite/clients.ts',
    find: "CASE WHEN excluded.subject = '' THEN subject ELSE excluded.subject END",
    replace: 'excluded.subject',
    caughtBy: conformance('owners', 'memory store stays where nobody asks who comes, who may come as any client'),
  },
  {
    id: 'owner: a principal without a credential that lives keeps its clients',
    file: 'server/store/sqlite/rows/owners.ts',
    find: 'selectLiving.get(principal, now) !== undefined',
    replace: 'true',
    caughtBy: conformance(
      'owners',
      'memory store is nobody any more when no credential of its principal lives: revoked, or expired',
    ),
  },
  {
    id: 'owner: who came in by a join has its client id only once it came',
    file: 'server/store/sqlite/rows/owners.ts',
    find: 'if (bound !== undefined) return bound;',
    replace: '',
    caughtBy: conformance(
      'owners',
      'memory store is the client that came in by a join while its credential lives, also before it came, and it is not forgotten',
    ),
  },
  {
    id: 'owner: sessions without a name are of any principal',
    file: 'server/store/sqlite/rows/owners.ts',
    find: "return selectSessions.all(clientId).find(({ subject }) => isThere(subject, now))?.subject ?? '';",
    replace: "return '';",
    caughtBy: conformance(
      'owners',
      'memory store is that of the sessions where none of them is named, until they are gone',
    ),
  },
  {
    id: 'owner: a join lets in a client by the id of another',
    file: 'server/store/credential/credentials.ts',
    find: "!owners.isFree(clientId, own, now) || !isSamePrincipal(servedBy?.() ?? '', own)",
    replace: "!isSamePrincipal(servedBy?.() ?? '', own)",
    caughtBy: conformance('owners', 'memory store keeps a join from letting in a client of its id'),
  },
  {
    id: 'owner: a join lets in a client as which another serves',
    file: 'server/store/credential/credentials.ts',
    find: "!owners.isFree(clientId, own, now) || !isSamePrincipal(servedBy?.() ?? '', own)",
    replace: '!owners.isFree(clientId, own, now)',
    caughtBy: conformance(
      'owners',
      'memory store keeps a join from letting in a client as which another serves that the store does not know of',
    ),
  },
  {
    id: 'owner: who enrols is not asked who serves as that client',
    file: 'server/api/enrolment.ts',
    find: 'servedBy: () => clients.servedBy(clientId)',
    replace: "servedBy: () => (clients.servedBy(clientId) ? '' : '')",
    caughtBy: transport('client-owner', BY_BEING_THERE),
  },
  {
    id: 'owner: a Serve does not look again once others see it',
    file: 'server/transport/serve.ts',
    find: 'if (mayBeAnothers()) lookAgain().catch(fail);',
    replace: 'if (!mayBeAnothers()) lookAgain().catch(fail);',
    caughtBy: unit('serve', LOOKS_AGAIN),
  },
  {
    id: 'owner: a client is told to be whose who came by it last',
    file: 'server/session/clients.ts',
    find: 'principal: await ownerOf(view.clientId)',
    replace: "principal: view.session?.subject ?? (await store.findClient(view.clientId))?.subject ?? ''",
    caughtBy: transport('client-owner', 'is told to be whose it is: not who came by it last, but who may come'),
  },
  {
    id: 'owner: a client that has a session is forgotten',
    file: 'server/store/sqlite/clients.ts',
    find: "if (session?.lost_at === null || selectServes.get(clientId)) return 'here';",
    replace: '',
    caughtBy: conformance('owners', FORGETS),
  },
  {
    id: 'owner: a client is forgotten that may come back to its session',
    file: 'server/store/sqlite/clients.ts',
    find: "if (session && !endLost()) return 'awaited';",
    replace: 'endLost();',
    caughtBy: conformance('owners', KEEPS_RUNS),
  },
  {
    id: 'owner: a client is said to be forgotten whose id a credential keeps',
    file: 'server/store/sqlite/clients.ts',
    find: "if (owners.isEnrolled(clientId, now)) return 'enrolled';",
    replace: '',
    caughtBy: conformance(
      'owners',
      'memory store is the client that came in by a join while its credential lives, also before it came, and it is not forgotten',
    ),
  },
  {
    id: 'owner: a Serve by the client id of another, which is away',
    file: 'server/transport/serve.ts',
    find: 'if (!(await isFree(clientId, context.caller.principal))) throw takenByAnother(clientId, CLIENT_KEY);',
    replace: '',
    caughtBy: transport(
      'access-sessions',
      'has its client id for itself: another that comes by it is refused, while it is there and when it is away',
    ),
  },
  {
    id: 'owner: a Serve that says only later what it serves',
    file: 'server/transport/serve.ts',
    find: 'if (!tunnel && mayBeAnothers()) {',
    replace: 'if (false) {',
    caughtBy: transport(
      'access-sessions',
      'has its client id for itself before another who was there first and says only then what it serves',
    ),
  },
  {
    id: 'owner: observers are told whose a client is',
    file: 'server/api/clients.ts',
    find: "seer.roles.has('operator') || caller.principal === view.principal ? view.principal : ''",
    replace: 'view.principal',
    caughtBy: unit('api-clients', 'tells operators whose a client is, and nobody else but itself'),
  },
];
