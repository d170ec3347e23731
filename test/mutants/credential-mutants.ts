import { conformance, e2e, type Mutant, sqlite, transport, unit } from './mutant.ts';

const tokenFile = (title: string) => transport('sdk-token', `tokenFile ${title}`);

const lineage = (title: string) => conformance('lineage', `what a credential has made, sqlite store ${title}`);
const room = (title: string) => sqlite('room', `room for credentials ${title}`);
const treeGoes = lineage('is revoked with it in one commit, down the whole tree, and nothing else is');

const enrolled = (title: string) => unit('client-enrolled', `openEnrolled() ${title}`);

/** Of what clients prove themselves with. */
export const CREDENTIAL_MUTANTS: readonly Mutant[] = [
  {
    id: 'credential: lives on when its maker has ended',
    file: 'server/store/credential/credentials.ts',
    find: 'const expiresAt = earlierOf(one.expiresAt, endsBy);',
    replace: 'const { expiresAt } = one;',
    caughtBy: transport(
      'credentials',
      'makes nothing that outlives it, by whatever way, but for itself by its rotation',
    ),
  },
  {
    id: 'credential: a rotation lifts the end of its maker',
    file: 'server/store/credential/credentials.ts',
    find: 'const endsBy = earlierOf(old.endsBy, renewal.endsBy ?? null);',
    replace: 'const endsBy = renewal.endsBy ?? null;',
    caughtBy: transport(
      'credentials',
      'makes nothing that outlives it, by whatever way, but for itself by its rotation',
    ),
  },
  {
    id: 'revoking with what it made: what was made in turn stays',
    file: 'server/store/credential/lineage.ts',
    find: '      add(selectMade.all(id));\n',
    replace: '',
    caughtBy: treeGoes,
  },
  {
    id: 'revoking with what it made: what has replaced that stays',
    file: 'server/store/credential/lineage.ts',
    find: '      add(selectHeirs.all(id));\n',
    replace: '',
    caughtBy: treeGoes,
  },
  {
    id: 'revoking with what it made: what another one has put in its place goes too',
    file: 'server/store/credential/lineage.ts',
    find: 'for (const id of roots) add(selectMade.all(id));',
    replace: 'for (const id of roots) add([...selectMade.all(id), ...selectHeirs.all(id)]);',
    caughtBy: treeGoes,
  },
  {
    id: 'revoking with what it made: what its call makes afterwards lives',
    file: 'server/store/credential/credentials.ts',
    find: 'if (!maker || maker.revokedAt === null) return maker;',
    replace: 'if (!maker || 1) return maker;',
    caughtBy: lineage('is no more once its maker is revoked, also where that was asked for before'),
  },
  {
    id: 'credential: what is forgotten cuts the tree',
    file: 'server/store/credential/credentials.ts',
    find: '    lineage.handDown(made.forgotten);\n',
    replace: '',
    caughtBy: lineage('counts as made with the maker of one that is forgotten'),
  },
  {
    id: 'room for credentials: what one maker has made has no bound of its own',
    file: 'server/store/credential/room.ts',
    find: "if (countedFor !== '' && (countByMaker",
    replace: "if (countedFor === '?' && (countByMaker",
    caughtBy: room('has a share for each maker, down its whole tree, and none for who may do everything'),
  },
  {
    id: 'room for credentials: none is kept for renewals',
    file: 'server/store/credential/room.ts',
    find: 'isReplacing ? max : max - Math.floor(max * bounds.reserved)',
    replace: 'max',
    caughtBy: room('keeps some for rotations, renewals and clients that were let in before'),
  },
  {
    id: 'room for credentials: what has ended takes it for 30 days',
    file: 'server/store/credential/room.ts',
    find: '      if (forgotten.length > 0) return forgotten;\n',
    replace: '',
    caughtBy: room('forgets what has ended once there is none, and clients that may come again last'),
  },
  {
    id: 'room for credentials: a revocation makes none at once',
    file: 'server/store/credential/credentials.ts',
    find: '    room.free();\n',
    replace: '',
    caughtBy: room('forgets what has ended once there is none, and clients that may come again last'),
  },
  {
    id: 'credentials in memory: what the store has forgotten stays',
    file: 'server/access/book.ts',
    find: '      for (const id of signal.forgotten ?? []) drop(id);\n',
    replace: '',
    caughtBy: unit('book', 'createBook() has nothing that the store has forgotten'),
  },
  {
    id: 'token file: it is not looked at again',
    file: 'client/credential/tokenfile.ts',
    find: 'if (clock.monotonic() - lookedAt >= LOOK_MS) refresh();',
    replace: '',
    caughtBy: tokenFile('is read anew by calls of a connection that stands, once a second'),
  },
  {
    id: 'token file: others may read it',
    file: 'client/credential/secretfile.ts',
    find: 'const OTHERS = 0o077;',
    replace: 'const OTHERS = 0o007;',
    caughtBy: tokenFile('that others can read is warned of, and only then'),
  },
  {
    id: 'token: it is quoted by its own refusal',
    file: 'client/options.ts',
    find: "show: () => 'another value'",
    replace: 'show: (value: unknown) => JSON.stringify(value)',
    caughtBy: transport('sdk-token', 'the token of the SDK is told to nobody in errors'),
  },
  {
    id: 'enrolment: another secret is drawn after a cut',
    file: 'client/credential/enrolled.ts',
    find: 'isOfServer(before.kept, text) ? before',
    replace: 'false ? before',
    caughtBy: enrolled(
      'has its secret in a file for its owner alone before it is enrolled, and the same one when it was cut off',
    ),
  },
  {
    id: 'credential file: the group can read it',
    file: 'client/credential/credentialfile.ts',
    find: '{ mode: 0o600,',
    replace: '{ mode: 0o640,',
    caughtBy: enrolled(
      'has its secret in a file for its owner alone before it is enrolled, and the same one when it was cut off',
    ),
  },
  {
    id: 'renewal: the next secret is in no file before the server has it',
    file: 'client/credential/enrolled.ts',
    find: 'if (!kept.next) write({ ...kept, next: drawSecret() });',
    replace: '',
    caughtBy: enrolled('has the next secret in its file before it is renewed, and asks for the same one again'),
  },
  {
    id: 'renewal: what another process has renewed is renewed again',
    file: 'client/credential/enrolled.ts',
    find: 'if (kept.id !== id) {',
    replace: 'if (false) {',
    caughtBy: enrolled('is renewed once by all that share its file'),
  },
  {
    id: 'renewal: a refused token is all that there is',
    file: 'client/credential/enrolled.ts',
    find: 'if (writeToken(kept) !== refused) return true;',
    replace: 'if (writeToken(kept) !== refused) return false;',
    caughtBy: enrolled(
      'has another token to come again with once somebody else has renewed it, or its own answer was lost',
    ),
  },
  {
    id: 'enrolment: a refusal that stays is asked for again',
    file: 'client/credential/upkeep.ts',
    find: "new Set(['ALREADY_EXISTS', ",
    replace: 'new Set([',
    caughtBy: transport(
      'sdk-enrol',
      'clients that join end with what is wrong when the join is used up, expired, revoked, for others, or when they are there already',
    ),
  },
  {
    id: 'renewal: what the server asks for is not heard',
    file: 'client/session.ts',
    find: '        listener.renewing();\n',
    replace: '',
    caughtBy: transport(
      'sdk-renew',
      'the renewal of a credential by the SDK ends no stream, and nothing runs twice, while its secret changes three times',
    ),
  },
  {
    id: 'renewal: no clock asks for it',
    file: 'client/credential/upkeep.ts',
    find: '    cancelTimer = clock.after(Math.min(LOOK_MS, Math.max(0, credential.renewAt - clock.now())), look);',
    replace: '',
    caughtBy: transport(
      'sdk-renew',
      'the renewal of a credential by the SDK comes in time by the clock of a client that nobody asks for it',
    ),
  },
  {
    id: 'renewal: what fails before the server is asked is tried again without a pause',
    file: 'client/credential/enrolled.ts',
    find: '        retryAt = clock.monotonic() + ',
    replace: '        if (!(error instanceof Error && "errno" in error)) retryAt = clock.monotonic() + ',
    caughtBy: enrolled('waits before it is renewed again where its file cannot be written, and says why'),
  },
  {
    id: 'renewal: an instant of a clock that ran ahead is believed',
    file: 'client/credential/enrolled.ts',
    find: '(RENEWAL_SHARE + CLOCK_SHARE) * lifetimeMs ? now : renewAt',
    replace: '(RENEWAL_SHARE + CLOCK_SHARE) * lifetimeMs ? renewAt : renewAt',
    caughtBy: enrolled('is renewed at once where it was written while the clock ran ahead'),
  },
  {
    id: 'join text: its pin is not heeded',
    file: 'client/connection.ts',
    find: 'isPinned ? holdPin(given, told.pin) : given',
    replace: 'given ?? (isPinned ? {} : undefined)',
    caughtBy: e2e('cli-access', 'who gets in, by the command line enrols without working, and says who one is'),
  },
  {
    id: 'profiles: the secret of a join text goes to the server of the current one',
    file: 'cli/settle.ts',
    find: "if (rankOfTold(command) > rankOf(command, 'profile')) return;",
    replace: '',
    caughtBy: e2e(
      'cli-config',
      'contact config has no say over the server of a join text, or of a credential file, that is given nearer',
    ),
  },
  {
    id: 'profiles: the current one is for every server',
    file: 'cli/settle.ts',
    find: "if (named === undefined && rankOf(command, 'server') > 0) return;",
    replace: '',
    caughtBy: e2e('cli-config', 'contact config comes after flags and the environment, and before the defaults'),
  },
  {
    id: 'enrolment: what was drawn for one server is shown to another',
    file: 'client/credential/enrolled.ts',
    find: 'isOfServer(before.kept, text) ? before : replaceFile(path, draw(before.kept.clientId))',
    replace: 'before ?? replaceFile(path, draw(clientId ?? ""))',
    caughtBy: e2e('enrol-files', 'a credential file that was left by who was not let in by another server'),
  },
  {
    id: 'enrolment: nobody is warned of a join text that others can read, once it has done what it was for',
    file: 'client/credential/enrolled.ts',
    find: 'text = readJoin(join, warn);\n  } catch',
    replace: 'text = readJoin(join, () => undefined);\n  } catch',
    caughtBy: e2e('enrol-texts', 'a join text that is in a file that others can read'),
  },
  {
    id: 'enrolment: a join text in UTF-16 is none',
    file: 'client/credential/secretfile.ts',
    find: 'const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;',
    replace: 'const isUtf16 = bytes[0] === 0x100;',
    caughtBy: e2e('enrol-texts', 'a join text that was written by a shell of Windows'),
  },
  {
    id: 'enrolment: stdin is read without end',
    file: 'cli/stdin.ts',
    find: 'if (length > MAX_BYTES) throw',
    replace: 'if (length > 2 * MAX_BYTES) throw',
    caughtBy: e2e(
      'enrol-texts',
      'a join text that comes by stdin, and of a stream without end no more is read than a text may have',
    ),
  },
];
