import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createEnrolling, type EnrolmentServer, keep, type Record, startEnrolmentServer } from '../scene/enrolment.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact } from '../scene/process.ts';

interface Case {
  /**
   * Puts what is there in the place of the credential file of `id`, before it enrols; a promise of the join text that is given
   * then, nothing: another one of the server.
   */
  put(file: string, id: string): Promise<string | undefined>;
  readonly command: readonly [number, RegExp];
  readonly sdk: readonly [string, RegExp];
  /** What becomes of what was there. */
  readonly left: 'as it was' | 'enrolled' | 'enrolled anew';
}

const record: Record = { secrets: [], texts: [] };
const enrolling = createEnrolling(record);
let server: EnrolmentServer;
let other: EnrolmentServer;

const wrong = (words: RegExp): Pick<Case, 'command' | 'sdk' | 'left'> => ({
  command: [2, new RegExp(`^contact: --credential-file: \\S+ ${words.source}`, 'm')],
  sdk: ['INVALID_ARGUMENT', new RegExp(`^credentialFile: \\S+ ${words.source.replace(/--[a-z-]+/, '`\\w+`')}`)],
  left: 'as it was',
});
const enrolled = { command: [0, /^enrolled as robot-/m], sdk: ['OK', /^client:robot-/] } as const;

async function enrol(at: EnrolmentServer, file: string, id: string): Promise<string> {
  const text = await at.makeJoin();
  const told = await enrolling.bySdk(text, id, file);
  assert.equal(told.code, 'OK', told.text);
  return text;
}

/** The file as it is when the process was killed before it heard an answer, and whether the server had heard it or not. */
function unanswer(file: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replace('"enrolled": true', '"enrolled": false'));
}

const CASES: Readonly<{ [what: string]: Case }> = {
  'is of this client and this server': {
    put: async (file, id) => void (await enrol(server, file, id)),
    ...enrolled,
    left: 'as it was',
  },
  'was left by who was killed before it had the answer': {
    async put(file, id) {
      const text = await enrol(server, file, id);
      unanswer(file);
      return text;
    },
    ...enrolled,
    left: 'enrolled',
  },
  'was left by who was not let in by another server': {
    async put(file, id) {
      await enrol(other, file, id);
      unanswer(file);
    },
    ...enrolled,
    left: 'enrolled anew',
  },
  'is another client’s': {
    put: async (file) => void (await enrol(server, file, `robot-x${Math.random()}`)),
    ...wrong(/is that of client robot-x\S+, and not of robot-\d+/),
  },
  'is of another server': {
    put: async (file, id) => void (await enrol(other, file, id)),
    ...wrong(/is for another server than the join text: give another file/),
  },
  'is of another authority at the same address': {
    async put(file, id) {
      await enrol(other, file, id);
      const { process } = server;
      const kept = JSON.parse(readFileSync(file, 'utf8'));
      writeFileSync(file, JSON.stringify({ ...kept, addresses: [process.address] }));
    },
    ...wrong(
      /is for another authority than the join text has pinned: its server has a new one, or it is another server/,
    ),
  },
  'is a join text': {
    put: async (file) => void writeFileSync(file, await server.makeJoin()),
    ...wrong(/holds a join text: --join-file is for that/),
  },
  'is a token': {
    put: async (file) => {
      const rights = ['--role', 'worker', '--queue', 'q', '--client', '*'];
      const token = await server.operate('token', 'create', '--name', `t${Math.random()}`, ...rights);
      record.secrets.push(token.trim());
      writeFileSync(file, token);
    },
    ...wrong(/holds a token: --token-file is for that/),
  },
  'was written half': {
    async put(file, id) {
      await enrol(server, file, id);
      writeFileSync(file, readFileSync(file, 'utf8').slice(0, 80));
    },
    ...wrong(/is no credential file of this version; move it away to enrol anew/),
  },
  'is of a later version': {
    async put(file, id) {
      await enrol(server, file, id);
      writeFileSync(file, readFileSync(file, 'utf8').replace('"version": 1', '"version": 2'));
    },
    ...wrong(/is no credential file of this version; move it away to enrol anew/),
  },
  'has the credential of a client that was revoked': {
    async put(file, id) {
      await enrol(server, file, id);
      await server.operate('token', 'revoke', JSON.parse(readFileSync(file, 'utf8')).id);
    },
    command: [
      1,
      /this credential was revoked; an operator has to let this client in anew \(a credential file is to be moved/,
    ],
    sdk: [
      'UNAUTHENTICATED',
      /this credential was revoked; an operator has to let this client in anew \(a credential file/,
    ],
    left: 'as it was',
  },
  'has a credential that the server has lost': {
    async put(file, id) {
      await enrol(server, file, id);
      writeFileSync(file, readFileSync(file, 'utf8').replace(/"id": "[a-z0-9]{16}"/, `"id": "${'a'.repeat(16)}"`));
    },
    command: [
      1,
      /send a valid credential .* A credential file that the server has lost, as when its store was restored, is to be/,
    ],
    sdk: ['UNAUTHENTICATED', /send a valid credential .* A credential file that the server has lost/],
    left: 'as it was',
  },
};

let lastId = 0;
const nextId = (): string => `robot-${++lastId}`;

describe('a credential file that', function () {
  this.timeout(120_000);

  before(async () => {
    server = await startEnrolmentServer(record);
    other = await startEnrolmentServer(record);
  });
  cleanUpProcesses();

  for (const [what, { put, command, sdk, left }] of Object.entries(CASES)) {
    it(what, async () => {
      for (const [way, [code, words]] of [
        ['byCommand', command],
        ['bySdk', sdk],
      ] as const) {
        const file = join(createFolder(), 'credential');
        const id = nextId();
        const given = await put(file, id);
        const before = readFileSync(file, 'utf8');
        const told = await enrolling[way](given ?? (await server.makeJoin()), id, file);
        assert.match(told.text, words, way);
        assert.equal(told.code, code, `${way}: ${told.text}`);
        const after = readFileSync(file, 'utf8');
        if (left === 'as it was') assert.equal(after, before, way);
        else {
          const [was, is] = [JSON.parse(before), JSON.parse(after)];
          assert.deepEqual([is.enrolled, is.secret === was.secret], [true, left === 'enrolled'], way);
        }
        assert.deepEqual(readdirSync(dirname(file)), ['credential'], way);
      }
    });
  }

  it('is a folder, or below a file', async () => {
    const text = await server.makeJoin();
    for (const [file, words] of [
      [createFolder(), /\S+ is no regular file/],
      [join(keep(''), 'credential'), /ENOTDIR/],
    ] as const) {
      const { code, text: said } = await enrolling.byCommand(text, nextId(), file);
      assert.match(said, words);
      assert.equal(code, 2);
      assert.match((await enrolling.bySdk(text, nextId(), file)).text, words);
    }
  });

  it('cannot be written, for want of disk: nothing is left, and no use of the join is lost', async () => {
    const text = await server.makeJoin('--uses', '1');
    const file = join(createFolder(), 'credential');
    const args = ['join', '--join-file', keep(text), '--id', nextId(), '--out', file];
    // Without a word on that signal the process would be ended by it, as no full disk does.
    const nodeArgs = ['--import', 'data:text/javascript,process.on("SIGXFSZ",()=>{})'];
    const under = ['sh', '-c', 'ulimit -f 0; exec "$@"', 'sh'];
    const { code, stderr } = await runContact(args, { under, nodeArgs });
    assert.match(stderr, /--credential-file: \S+ cannot be written: EFBIG/);
    assert.equal(code, 2);
    assert.deepEqual(readdirSync(dirname(file)), []);
    assert.equal((await runContact(args)).code, 0);
  });

  it('is begun by several processes at the same time, all of which are let in with one use of the join', async () => {
    const [text, file, id] = [keep(await server.makeJoin('--uses', '1')), join(createFolder(), 'credential'), nextId()];
    const args = ['join', '--join-file', text, '--id', id, '--out', file];
    const ended = await Promise.all(Array.from({ length: 4 }, () => runContact(args)));
    for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
    assert.deepEqual(readdirSync(dirname(file)), ['credential']);
    const listed = await server.operate('token', 'list', '--json');
    const own = listed.split('\n').filter((line) => line.includes(`"client:${id}"`));
    assert.equal(own.length, 1);
  });

  it('is told to nobody', () => {
    assert.ok(record.texts.length > 20);
    const said = record.texts.join('\n');
    for (const secret of record.secrets) assert.ok(!said.includes(secret), secret);
  });
});
