import { type Mutant, transport, unit } from './mutant.ts';

const GATE = 'server/transport/gate.ts';
const AUTHENTICATE = 'server/access/authenticate.ts';
const STANDING = 'server/access/standing.ts';
const CONNECTIONS = 'server/transport/connections.ts';
const JWT = 'server/access/jwt.ts';

const alike = transport('access', 'tells all alike who are not known, and lets in who is');

/** Who is let in that must not be, or stays that has to go. */
export const GATE_MUTANTS: readonly Mutant[] = [
  {
    id: 'a credential without patterns is everybody’s',
    file: 'server/model/caller.ts',
    find: 'if (isBare && !mayDoEverything(caller))',
    replace: 'if (isBare && mayDoEverything(caller))',
    caughtBy: transport('credentials', 'gives nobody what has no pattern but operators of all'),
  },
  {
    id: 'the place of a probe',
    file: 'server/metrics/listener.ts',
    find: 'filter((one) => !answered.has(one))',
    replace: 'filter((one) => one === socket)',
    caughtBy: transport('metrics-probes', 'has a place for a probe beside many that say half a request and come again'),
  },
  {
    id: 'a spent join has the calls of all',
    file: GATE,
    find: 'if (caller.isSpent) return letInNobody(stream, connection, path);',
    replace: '',
    caughtBy: transport(
      'public-calls',
      'are those too of who has a join that is spent, and take none of those of others',
    ),
  },
  {
    id: 'a join that is used up is not spent',
    file: AUTHENTICATE,
    find: ' || credential.usesLeft === 0',
    replace: '',
    caughtBy: transport(
      'public-calls',
      'are those too of who has a join that is spent, and take none of those of others',
    ),
  },
  {
    id: 'any secret will do',
    file: 'server/access/secret.ts',
    find: 'timingSafeEqual(given, known) && ',
    replace: '',
    caughtBy: alike,
  },
  {
    id: 'refusal at once',
    file: GATE,
    find: 'clock.after(refusalDelayMs, () => {\n      waiting -= 1;',
    replace: 'clock.after(0, () => {\n      waiting -= 1;',
    caughtBy: transport('access', 'is slow to refuse, whatever was wrong'),
  },
  {
    id: 'role not asked for',
    file: GATE,
    find: 'if (!isAdmitted(caller, admission)) return',
    replace: "if (admission === 'join' && !isAdmitted(caller, admission)) return",
    caughtBy: transport('access', 'names the role that a method is for'),
  },
  {
    id: 'refused call read on',
    file: 'server/transport/statuses.ts',
    find: '  stream.resume();\n  closeRefused(stream);',
    replace: '  stream.resume();',
    caughtBy: transport('access', 'reads no more of a client stream without an end'),
  },
  {
    id: 'guesses without end',
    file: GATE,
    find: 'connection.refusals += 1;',
    replace: '',
    caughtBy: transport(
      'access',
      'closes a connection that is refused again and again, and none that carries a call that was let in',
    ),
  },
  {
    id: 'connection of others closed',
    file: GATE,
    find: 'connection.refusals >= MAX_REFUSALS && connection.openCalls === 0;',
    replace: 'connection.refusals >= MAX_REFUSALS;',
    caughtBy: transport(
      'access',
      'closes a connection that is refused again and again, and none that carries a call that was let in',
    ),
  },
  {
    id: 'silent connection kept',
    file: CONNECTIONS,
    find: "else end(connection, isAdmitted ? 'idle' : 'unadmitted');",
    replace: "else if (isAdmitted) end(connection, 'idle');",
    caughtBy: transport('access', 'closes a connection that never says who it is'),
  },
  {
    id: 'nobody takes the places of others',
    file: 'server/transport/public_calls.ts',
    find: 'if (watches >= maxWatches) return',
    replace: 'if (watches >= maxOpenCalls) return',
    caughtBy: transport('public-calls', 'have a tenth of all open calls, and take none of those of others'),
  },
  {
    id: 'checks of nobody without end',
    file: 'server/transport/public_calls.ts',
    find: 'if (oldest) drop(oldest);',
    replace: '',
    caughtBy: transport('public-calls', 'give way, the oldest first, where checks are never asked to their end'),
  },
  {
    id: 'health watch cut',
    file: CONNECTIONS,
    find: 'connection.calls : connection.watches) > 0',
    replace: 'connection.calls : 0) > 0',
    caughtBy: transport('public-calls', 'keep their connection while they watch, and lose it afterwards'),
  },
  {
    id: 'fault taken for a guess',
    file: GATE,
    find: "if (error.code !== 'INTERNAL') refuseLate",
    replace: "if (error.code !== 'OUT_OF_RANGE') refuseLate",
    caughtBy: transport(
      'refused',
      'by a fault of the server is told with its cause, to the log alone, and is nobody’s guess',
    ),
  },
  {
    id: 'classic sessions uncounted',
    file: 'server/api/classic.ts',
    find: 'leave = places.take(context.caller);',
    replace: '',
    caughtBy: transport('principal-limits', 'has so many sessions of both contracts together'),
  },
  {
    id: 'live call without a caller',
    file: 'server/access/methods.ts',
    find: "admissionByPath.get(path) ?? 'authenticated'",
    replace: "admissionByPath.get(path) ?? 'anybody'",
    caughtBy: unit('methods', "asks of who calls what is none of the server's own to be known"),
  },
  {
    id: 'pattern for a client',
    file: 'server/access/callers.ts',
    find: '!isName(clientId) || ',
    replace: '',
    caughtBy: unit('identity', 'takes {client} for the id that the call names, if the caller may have that'),
  },
  {
    id: 'revoked credential taken',
    file: AUTHENTICATE,
    find: 'if (revokedAt !== null) throw',
    replace: 'if (revokedAt === 0) throw',
    caughtBy: transport('access', 'ends what runs for a token that is revoked, and gives its tasks to others'),
  },
  {
    id: 'expired credential taken',
    file: AUTHENTICATE,
    find: 'if (expiresAt !== null && expiresAt <= now) throw',
    replace: 'if (expiresAt === 0) throw',
    caughtBy: transport('access', 'ends what runs for a token whose time is over, and gives its tasks to others'),
  },
  {
    id: 'streams of the revoked go on',
    file: STANDING,
    find: '      if (isRevoked) onEnd();\n',
    replace: '',
    caughtBy: transport('access', 'ends what runs for a token that is revoked, and gives its tasks to others'),
  },
  {
    id: 'live calls of the revoked go on',
    file: 'server/server.ts',
    find: '      reverse.front.expel(reasonFor);\n',
    replace: '',
    caughtBy: transport('revoked', 'ends the live calls that are made with it, at the callee too, and no others'),
  },
  {
    id: 'streams of the expired go on',
    file: STANDING,
    find: '    if (hasEnded) onEnd();\n',
    replace: '',
    caughtBy: transport('access', 'ends what runs for a token whose time is over, and gives its tasks to others'),
  },
  {
    id: 'renewed client ended',
    file: STANDING,
    find: 'return credentials.ofPrincipal(name).reduce((latest, one) => Math.max(latest, lifeOf(one)), 0);',
    replace: 'return credential ? lifeOf(credential) : 0;',
    caughtBy: transport('renewal', 'keeps its session and what it runs, and each task is run once'),
  },
  {
    id: 'told to renew once',
    file: 'server/access/renewals.ts',
    find: 'againAt = now + Math.max(LEAST_MS, leftMs * AGAIN_SHARE);',
    replace: 'againAt = Number.POSITIVE_INFINITY;',
    caughtBy: transport('renewal', 'is told again until it has, and by its next session too'),
  },
  {
    id: 'more given than had',
    file: 'server/api/access.ts',
    find: 'if (field === undefined) return rights;',
    replace: 'if (field !== null) return rights;',
    caughtBy: transport('credentials', 'lets an operator give to others what they may do themselves, and no more'),
  },
  {
    id: 'more seen than had',
    file: 'server/api/access.ts',
    find: 'if (found && isWithin(found, caller)) return found;',
    replace: 'if (found) return found;',
    caughtBy: transport('credentials', 'lets an operator give to others what they may do themselves, and no more'),
  },
  {
    id: 'name of another taken',
    file: 'server/api/access.ts',
    find: 'if ((await store.findCredential(token.id)) === null) checkFree(token, caller);',
    replace: '',
    caughtBy: transport('credentials', 'makes no token whose name another has that lives, but for who asks again'),
  },
  {
    id: 'first token made anew',
    file: 'server/identity.ts',
    find: 'if (!isFirst) return;',
    replace: '',
    caughtBy: transport(
      'access',
      "is the first operator's when it starts for the first time, and makes no other token",
    ),
  },
  {
    id: 'any audience will do',
    file: JWT,
    find: '        audience,\n        algorithms',
    replace: '        algorithms',
    caughtBy: transport('jwt', 'are refused alike for whatever is wrong with them'),
  },
  {
    id: 'JWT remembered beyond its end',
    file: JWT,
    find: 'known !== undefined && known.expiresAt > clock.now();',
    replace: 'known !== undefined;',
    caughtBy: transport(
      'jwt',
      'that have expired say so to who has one, and end what runs for them, which may come again with the next',
    ),
  },
  {
    id: 'what a credential was replaced by does not count for what it let in',
    file: 'server/access/standing.ts',
    find: 'return credentials.ofPrincipal(name).reduce(',
    replace: 'return (credential ? [credential] : []).reduce(',
    caughtBy: transport('rotation', 'end no stream, and nothing is run twice'),
  },
  {
    id: 'JWT of a key that was taken out',
    file: JWT,
    find: 'clock.monotonic() - known.checkedAt < RECHECK_MS',
    replace: 'RECHECK_MS > 0',
    caughtBy: transport(
      'jwt',
      'of a key that was taken out of the file count no more, those that were seen before within a minute',
    ),
  },
  {
    id: 'grants that changed are for new calls alone',
    file: 'server/identity.ts',
    find: 'if (!isChanged.jwt && !isChanged.certificate) return;',
    replace: 'if (isDeepStrictEqual(1, 1)) return;',
    caughtBy: transport(
      'jwt',
      'go by other keys and grants once the server was told to reload, and what ran by those before comes again',
    ),
  },
];
