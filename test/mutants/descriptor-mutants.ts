import { type Mutant, property, unit } from './mutant.ts';

const found = property(
  'fileindex',
  'createFileIndex() finds what a registry of the same files finds, and nothing else',
);
const endless = unit(
  'descriptors',
  'descriptor sets are refused where they have no end: nested, in many files, without what they import',
);

/** Of the descriptors that clients announce. */
export const DESCRIPTOR_MUTANTS: readonly Mutant[] = [
  {
    id: 'descriptors: a name that goes on is found',
    file: 'server/tunnel/declarations.ts',
    find: ' && at + name.to - name.from === wanted.byteLength;',
    replace: ';',
    caughtBy: found,
  },
  {
    id: 'descriptors: a package ends anywhere',
    file: 'server/tunnel/declarations.ts',
    find: 'wanted[size] === DOT && ',
    replace: '',
    caughtBy: found,
  },
  {
    id: 'descriptors: the dot of an extended name is part of it',
    file: 'server/tunnel/declarations.ts',
    find: 'extendee.from + 1',
    replace: 'extendee.from',
    caughtBy: found,
  },
  {
    id: 'descriptors: streams of answers are streams of requests',
    file: 'server/tunnel/fileindex.ts',
    find: 'kind |= 2',
    replace: 'kind |= 1',
    caughtBy: found,
  },
  {
    id: 'descriptors: nested without end',
    file: 'server/tunnel/fileindex.ts',
    find: 'file, depth + 1)',
    replace: 'file, depth)',
    caughtBy: endless,
  },
  {
    id: 'descriptors: a field ends beyond its message',
    file: 'server/tunnel/fields.ts',
    find: 'if (at > span.to) throw',
    replace: 'if (at > 1e9) throw',
    caughtBy: endless,
  },
];
