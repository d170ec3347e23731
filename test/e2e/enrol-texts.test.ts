import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  changeJoin,
  createEnrolling,
  type EnrolmentServer,
  keep,
  type Record,
  startEnrolmentServer,
} from '../scene/enrolment.ts';
import { createFolder } from '../scene/folder.ts';
import { cleanUpProcesses, runContact } from '../scene/process.ts';
import { until } from '../scene/until.ts';

/** What is left of the credential file: none, one that the server does not know yet, or one by which the client is in. */
type Left = 'nothing' | 'draft' | 'enrolled';

interface Case {
  /** What is given in the place of the join text of `text`: that itself, or the path of a file. */
  give(text: string): string | Promise<string>;
  /** Who comes; default: one that nobody knows. */
  readonly as?: string;
  readonly command: readonly [number, RegExp];
  readonly sdk: readonly [string, RegExp];
  /** Said beside it; default: nothing. */
  readonly warns?: RegExp;
  readonly left: Left;
}

const record: Record = { secrets: [], texts: [] };
const enrolling = createEnrolling(record);
let server: EnrolmentServer;
let other: EnrolmentServer;

const enrolled = { command: [0, /^enrolled as robot-/m], sdk: ['OK', /^client:robot-/], left: 'enrolled' } as const;
const wrong = (words: RegExp): Pick<Case, 'command' | 'sdk' | 'left'> => ({
  command: [2, new RegExp(`^contact: --join-file: ${words.source}`, 'm')],
  sdk: ['INVALID_ARGUMENT', new RegExp(`^join: ${words.source.replaceAll('--token-file', '`tokenFile`')}`)],
  left: 'nothing',
});
const refused = (code: string, words: RegExp): Pick<Case, 'command' | 'sdk' | 'left'> => ({
  command: [1, new RegExp(`^contact: --join-file: ${words.source}`, 'm')],
  sdk: [code, new RegExp(`^join: ${words.source}`)],
  left: 'draft',
});
const ALONE = /something stands before or behind the join text: give it alone/;
const UNKNOWN = /the server does not know this join text: .*; an operator has to make another one: contact join create/;

const CASES: Readonly<{ [what: string]: Case }> = {
  'is alone in its file': { give: (text) => keep(`${text}\n`), ...enrolled },
  'has blanks and empty lines around it': { give: (text) => keep(`\r\n  ${text}\t\r\n\r\n`), ...enrolled },
  'was broken into lines by a terminal': { give: (text) => keep(text.replace(/.{40}/g, '$&\n  ')), ...enrolled },
  'has double quotes around it': { give: (text) => keep(`"${text}"\n`), ...enrolled },
  'has single quotes around it': { give: (text) => keep(`'${text}'`), ...enrolled },
  'was written by a shell of Windows': {
    give: (text) => keep(Buffer.from(`\ufeff${text}\r\n`, 'utf16le')),
    ...enrolled,
  },
  'begins with the mark of UTF-8': { give: (text) => keep(`\ufeff${text}`), ...enrolled },
  'is in a file that others can read': {
    give: (text) => keep(text, 0o644),
    ...enrolled,
    warns: /(?:--join-file|what is given as join): others can read .*\(mode 644\): chmod 600 it/,
  },
  'is followed by a prompt': { give: (text) => keep(`${text}\nroot@vm:~# `), ...wrong(ALONE) },
  'is followed by a prompt on its line': { give: (text) => keep(`${text} robot$`), ...wrong(ALONE) },
  'comes after what was said beside it': {
    give: (text) => keep(`abcdefgh01234567 lets in 1 client until tomorrow\n${text}\n`),
    ...wrong(ALONE),
  },
  'comes with the name of a variable': { give: (text) => keep(`export JOIN=${text}`), ...wrong(ALONE) },
  'is cut off at its end': { give: (text) => keep(text.slice(0, -9)), ...wrong(/the join text is cut off or changed/) },
  'is cut off at its beginning': {
    give: (text) => keep(text.slice(1)),
    ...wrong(/expected a join text, which begins/),
  },
  'is pasted twice': { give: (text) => keep(text + text), ...wrong(/the join text is cut off or changed/) },
  'has another sign in its secret': {
    give: (text) => keep(changeJoin(text, { secret: 'A'.repeat(43) })),
    ...refused('UNAUTHENTICATED', UNKNOWN),
  },
  'is a token': {
    give: async () => {
      const rights = ['--role', 'worker', '--queue', 'q', '--client', '*'];
      const token = (await server.operate('token', 'create', '--name', `t${Math.random()}`, ...rights)).trim();
      record.secrets.push(token, token.slice(-43));
      return keep(token);
    },
    ...wrong(/this is a token, and no join text: --token-file is for that/),
  },
  'is nothing': { give: () => keep('\n'), ...wrong(/it is empty: expected a join text, which begins with cj_/) },
  'is another file': { give: () => keep('{"a":1}'), ...wrong(/expected a join text, which begins with cj_/) },
  'is a large file': {
    give: () => keep('x'.repeat(70_000)),
    ...wrong(/it is no join text .*\(it has 70000 bytes, at most/),
  },
  'is a folder': { give: () => createFolder(), ...wrong(/it is no join text .*\(it is no regular file\)/) },
  'is a pipe': {
    give: () => {
      const path = join(createFolder(), 'pipe');
      execFileSync('mkfifo', [path]);
      return path;
    },
    ...wrong(/it is no join text .*\(it is no regular file\)/),
  },
  'is not there': { give: () => join(createFolder(), 'nosuch'), ...wrong(/it is no join text .*\(ENOENT\)/) },
  'is given itself': { give: (text) => text, ...enrolled },
  'is given itself, and is cut off': {
    give: (text) => text.slice(0, -9),
    ...wrong(/the join text is cut off or changed/),
  },
  'has the pin of another server': {
    give: async (text) => changeJoin(text, { pin: JSON.parse(read(await other.makeJoin())).p }),
    command: [3, /has a certificate of another authority than the pinned one \(is it another server\?/],
    sdk: ['UNAVAILABLE', /has a certificate of another authority than the pinned one \(is it another server\?/],
    left: 'draft',
  },
  'is of the store of another server': {
    give: async (text) => {
      const { i: id, s: secret } = JSON.parse(read(await other.makeJoin()));
      return changeJoin(text, { id, secret });
    },
    ...refused('UNAUTHENTICATED', UNKNOWN),
  },
  'has expired': {
    give: async () => {
      const text = await server.makeJoin('--ttl', '1s');
      const endsAt = Date.now() + 1_000;
      await until('it has expired', () => Date.now() > endsAt);
      return text;
    },
    ...refused(
      'UNAUTHENTICATED',
      /this join text has expired; an operator has to make another one: contact join create/,
    ),
  },
  'is used up': {
    give: async () => {
      const text = await server.makeJoin('--uses', '1');
      const told = await enrolling.bySdk(text, nextId(), join(createFolder(), 'first'));
      assert.equal(told.code, 'OK', told.text);
      return text;
    },
    ...refused(
      'RESOURCE_EXHAUSTED',
      /this join has let in as many clients as it may; an operator has to make another one: contact join create/,
    ),
  },
  'was revoked': {
    give: async () => {
      const text = await server.makeJoin();
      await server.operate('token', 'revoke', JSON.parse(read(text)).i);
      return text;
    },
    ...refused(
      'PERMISSION_DENIED',
      /this join, or \S+ since it was made, was revoked; an operator has to make another/,
    ),
  },
  'is for other clients': {
    give: (text) => text,
    as: 'printer-1',
    ...refused('PERMISSION_DENIED', /this join is not for printer-1/),
  },
  'is for a client that is in already': {
    give: async (text) => {
      await enrolling.bySdk(text, 'robot-in', join(createFolder(), 'first'));
      return text;
    },
    as: 'robot-in',
    ...refused('ALREADY_EXISTS', /robot-in has a credential that lives: revoke it first/),
  },
};

/** The parts of a join text, as JSON. */
function read(text: string): string {
  return Buffer.from(text.slice(3), 'base64url').toString();
}

let lastId = 0;
const nextId = (): string => `robot-${++lastId}`;

function leftOf(file: string): Left {
  if (!existsSync(file)) return 'nothing';
  return JSON.parse(readFileSync(file, 'utf8')).enrolled ? 'enrolled' : 'draft';
}

describe('a join text that', function () {
  this.timeout(120_000);

  before(async () => {
    server = await startEnrolmentServer(record);
    other = await startEnrolmentServer(record);
  });
  cleanUpProcesses();

  for (const [what, { give, as, command, sdk, warns, left }] of Object.entries(CASES)) {
    it(what, async () => {
      const text = await server.makeJoin('--uses', '2');
      for (const [way, [code, words]] of [
        ['byCommand', command],
        ['bySdk', sdk],
      ] as const) {
        const given = await give(text);
        const file = join(createFolder(), 'credential');
        const told = await enrolling[way](given, as ?? nextId(), file);
        assert.match(told.text, words, way);
        assert.equal(told.code, code, `${way}: ${told.text}`);
        const asArgument =
          way === 'byCommand' && given.startsWith('cj_') ? /which every user of this machine can read/ : undefined;
        for (const said of [warns, asArgument]) if (said) assert.match(told.warnings, said, way);
        if (!warns && !asArgument && left === 'enrolled') assert.equal(told.warnings, '', way);
        assert.equal(leftOf(file), left, way);
      }
    });
  }

  it('comes by stdin, and of a stream without end no more is read than a text may have', async () => {
    const text = await server.makeJoin();
    const out = join(createFolder(), 'credential');
    const args = ['join', '--join-file', '-', '--id', nextId(), '--out', out];
    const endless = await runContact(args, { stdin: 'x'.repeat(1 << 20) });
    assert.match(endless.stderr, /--join-file: stdin has more than 65536 bytes, which is no secret/);
    assert.deepEqual([endless.code, existsSync(out)], [2, false]);
    const nothing = await runContact(args);
    assert.match(nothing.stderr, /--join-file: expected a string that is not empty/);
    assert.equal(nothing.code, 2);
    const { code, stderr } = await runContact(args, { stdin: `${text}\n` });
    assert.deepEqual([code, leftOf(out)], [0, 'enrolled'], stderr);
  });

  it('is told to nobody, whichever way it is wrong', () => {
    assert.ok(record.texts.length > 40);
    const said = record.texts.join('\n');
    for (const secret of record.secrets) assert.ok(!said.includes(secret), secret);
  });
});
