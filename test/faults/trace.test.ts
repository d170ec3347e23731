import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { readClaims, TOKENS } from './claims.ts';
import { checkTrace, parseTrace } from './trace.ts';

const id = '01a1fa1e-f67c-73b2-98d5-139aa412f754';
const other = '01a1fa1e-f67c-73b2-98d5-139aa412f755';
const SYNC = '7  fdatasync(24</x/contact.db-wal>) = 0';
const write = (text: string): string => `7  pwrite64(24</x/contact.db-wal>, "${text}", 10, 0) = 10`;
const tell = (text: string): string => `7  writev(28<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base="${text}"}], 1) = 9`;

interface Case {
  readonly name: string;
  readonly lines: readonly string[];
  readonly unfounded: number;
}

const CASES: Case[] = [
  { name: 'nothing in the right order', lines: [write(id), SYNC, tell(id)], unfounded: 0 },
  { name: 'what is told before its sync', lines: [write(id), tell(id), SYNC], unfounded: 1 },
  {
    name: 'what is told before its write',
    lines: [write(other), SYNC, tell(id), write(id), SYNC],

    unfounded: 1,
  },
  {
    name: 'nothing wrong with what is on disk, while something else is not',
    lines: [write(id), SYNC, write(other), tell(id)],

    unfounded: 0,
  },
  {
    name: 'what is told after a sync that failed',
    lines: [write(id), SYNC.replace('= 0', '= -1 EIO'), tell(id)],

    unfounded: 1,
  },
  {
    name: 'what is told while another thread still syncs',
    lines: [
      write(id),
      SYNC.replace(') = 0', ' <unfinished ...>'),
      tell(id).replace('7', '8'),
      '7  <... fdatasync resumed>) = 0',
    ],

    unfounded: 1,
  },
  {
    name: 'what is told after a sync that began before its write',
    lines: [
      SYNC.replace(') = 0', ' <unfinished ...>'),
      write(id).replace('7', '8'),
      '7  <... fdatasync resumed>) = 0',
      tell(id),
    ],
    unfounded: 1,
  },
  {
    name: 'nothing wrong when two threads sync at a time',
    lines: [
      write(id),
      SYNC.replace(') = 0', ' <unfinished ...>'),
      SYNC.replace('7', '8').replace(') = 0', ' <unfinished ...>'),
      '7  <... fdatasync resumed>) = 0',
      tell(id),
      '8  <... fdatasync resumed>) = 0',
    ],
    unfounded: 0,
  },
  {
    name: 'what is told after the sync of another file',
    lines: [write(id), SYNC.replace('-wal', ''), tell(id)],

    unfounded: 1,
  },
];

describe('checkTrace()', () => {
  for (const { name, lines, unfounded } of CASES) {
    it(`finds ${name}`, () => {
      const found = checkTrace(parseTrace(lines.join('\n')), TOKENS, readClaims(new Map()));
      assert.deepEqual([found.claims, found.unfounded.length], [1, unfounded]);
    });
  }
});
