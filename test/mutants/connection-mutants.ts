import { type Mutant, transport, unit } from './mutant.ts';

const CONNECTIONS = 'server/transport/connections.ts';
const PLACES = 'server/transport/connection_places.ts';
const HOLDERS = 'server/transport/connection_holders.ts';

/** Who has a connection that must not, or is kept out. */
export const CONNECTION_MUTANTS: readonly Mutant[] = [
  {
    id: 'newcomers keep their places',
    file: PLACES,
    find: '!makeRoom(connection.way)',
    replace: 'connection !== undefined',
    caughtBy: transport('connection-floods', 'that say nothing keeps nobody out, and ends no session'),
  },
  {
    id: 'the oldest newcomer of all gives way',
    file: 'shared/fairset.ts',
    find: 'line.size > (most?.size ?? 0)',
    replace: 'most === undefined',
    caughtBy: unit('connection-places', 'has who opens many give way to itself first'),
  },
  {
    id: 'newcomers of the operators’ socket give way to others',
    file: PLACES,
    find: "newcomers.findLeast('operators') ?? ",
    replace: 'newcomers.findLeast() ?? ',
    caughtBy: unit('connection-places', 'has newcomers over the socket of operators give way to each other alone'),
  },
  {
    id: 'a join keeps its connection',
    file: CONNECTIONS,
    find: "caller === NOBODY || caller.kind === 'join'",
    replace: 'caller === NOBODY',
    caughtBy: transport('connection-life', 'of a join counts for nobody, whatever the join is worth'),
  },
  {
    id: 'idle connections kept',
    file: CONNECTIONS,
    find: "else end(connection, isAdmitted ? 'idle' : 'unadmitted');",
    replace: "else if (!isAdmitted) end(connection, 'unadmitted');",
    caughtBy: transport(
      'connection-life',
      'without a call for long is ended, and its client comes again with the next: auth on',
    ),
  },
  {
    id: 'a connection with an open stream is idle',
    file: CONNECTIONS,
    find: '(isAdmitted ? connection.calls : ',
    replace: '(isAdmitted ? 0 : ',
    caughtBy: transport(
      'connection-life',
      'without a call for long is ended, and its client comes again with the next: auth on',
    ),
  },
  {
    id: 'the SDK leaves idle connections to the server',
    file: 'client/channel.ts',
    find: "    'grpc.client_idle_timeout_ms': idleMs,\n",
    replace: '',
    caughtBy: transport(
      'connection-life',
      'is ended by a client of the SDK before the server does that, so that none of its calls is under way then',
    ),
  },
  {
    id: 'half closed sockets kept',
    file: CONNECTIONS,
    find: 'if (calls === 0 && (joins === 0 || !mayWait)) socket.destroy();',
    replace: 'if (calls === 0 && (joins === 0 || !mayWait)) socket.end();',
    caughtBy: transport('connection-life', 'that was told to go is closed though its client ends nothing and sends on'),
  },
  {
    id: 'connections of the revoked stay',
    file: 'server/server.ts',
    find: '      connections.expel(reasonFor);\n',
    replace: '',
    caughtBy: transport(
      'connection-life',
      'whose token was revoked or has expired is ended, and none over which another one called',
    ),
  },
  {
    id: 'connections of principals uncounted',
    file: HOLDERS,
    find: 'if (share) return places.takeShare(share);',
    replace: 'if (share) return undefined;',
    caughtBy: transport(
      'connection-life',
      'are as many as it may have, and one more is refused and ended, while others have theirs',
    ),
  },
  {
    id: 'what an operator has made has shares of its own alone',
    file: 'server/model/caller.ts',
    find: '[principal] : [principal, countedFor]',
    replace: '[principal] : [principal]',
    caughtBy: transport('maker-shares', 'has the connections of one principal, whoever made it in between'),
  },
  {
    id: 'callers do not know who has made them',
    file: 'server/access/callers.ts',
    find: "    ...(countedFor === '' ? {} : { countedFor }),\n",
    replace: '',
    caughtBy: transport('maker-shares', 'has the calls and the sessions of one principal'),
  },
  {
    id: 'operators that one has made have the reserve each for themselves',
    file: HOLDERS,
    find: '=> countedFor ?? principal;',
    replace: '=> principal ?? countedFor;',
    caughtBy: unit(
      'connection-places',
      'keeps no more of the reserve for all operators that one of a few queues has made than for that one',
    ),
  },
  {
    id: 'a connection that its maker may not have stays its principal’s',
    file: HOLDERS,
    find: 'for (const { key } of claims.slice(0, at)) letGo(connection, key);',
    replace: '',
    caughtBy: unit(
      'connection-places',
      'counts a connection once for the operator that has made those who call over it, and refuses one more',
    ),
  },
  {
    id: 'a connection of others is ended with the one too many',
    file: CONNECTIONS,
    find: "if (connection.holders.size === 0) end(connection, 'full');",
    replace: "end(connection, 'full');",
    caughtBy: transport(
      'connection-life',
      'are as many as it may have, and one more is refused and ended, while others have theirs',
    ),
  },
  {
    id: 'a reserve of one is for whoever is an operator',
    file: PLACES,
    find: 'Math.ceil(reserved / 2)',
    replace: 'Math.floor(reserved / 2)',
    caughtBy: unit('connection-places', 'keeps the one place of a reserve of one for their socket'),
  },
  {
    id: 'no place is kept for operators',
    file: PLACES,
    find: 'return maxConnections - (isOperators ? Math.ceil(reserved / 2) : reserved);',
    replace: 'return maxConnections;',
    caughtBy: transport('connection-life', 'are kept for operators, the last of them for their socket, and given back'),
  },
  {
    id: 'one operator takes the reserve',
    file: PLACES,
    find: "caller.roles.has('operator') && isFew",
    replace: "caller.roles.has('operator')",
    caughtBy: unit('connection-places', 'keeps some for operators who have few, and the last for their socket'),
  },
  {
    id: 'a line for each connection too many',
    file: PLACES,
    find: 'if (clock.monotonic() - toldAt < LOG_MS) return;',
    replace: '',
    caughtBy: unit('connection-places', 'tells the log once a minute, with how many there were'),
  },
];
