import { conformance, type Mutant, sqlite, transport } from './mutant.ts';

const RETENTION = 'server/store/sqlite/retention.ts';

/** What is kept too short, too long, or looked for in vain; and copies of it that are none. */
export const RETENTION_MUTANTS: readonly Mutant[] = [
  {
    id: 'redriven task pruned',
    file: RETENTION,
    find: 'if (row.isOlder || row.position',
    replace: 'if (row.position',
    caughtBy: conformance(
      'retention',
      'sqlite store keeps a redriven task until it has settled again, and counts it by its newest result',
    ),
  },
  {
    id: 'place of a queue forgotten',
    file: 'server/store/sqlite/rows/catalog.ts',
    find: 'updatePruned.run(queue.prunedTo, queue.id);',
    replace: '',
    caughtBy: sqlite('retention', 'passes results that other queues keep once, also over a restart'),
  },
  {
    id: 'position of a pruned result given again',
    file: RETENTION,
    find: 'counters.keepPosition();',
    replace: '',
    caughtBy: sqlite('retention', 'gives no position twice, also over a restart'),
  },
  {
    id: 'space kept',
    file: RETENTION,
    find: '      giveBackPages(db);\n',
    replace: '',
    caughtBy: sqlite('retention', 'gives back space, in steps, and keeps some for what comes next'),
  },
  {
    id: 'just settled task pruned',
    file: 'server/model/retention.ts',
    find: ' && settledAt <= now - LEAST_AGE_MS;',
    replace: ';',
    caughtBy: conformance(
      'retention',
      'sqlite store keeps what has settled just now, whatever the number, so that a resend finds it',
    ),
  },
  {
    id: 'old cursor refused',
    file: 'server/dispatch/results.ts',
    find: "start.kind === 'beginning' && position < bounds.beforeOldest",
    replace: 'position < bounds.beforeOldest',
    caughtBy: transport(
      'retention',
      'forgets what is beyond the number and the age of the server, and tells observers how many those were',
    ),
  },
  {
    id: 'checksum of a backup not compared',
    file: 'client/backup.ts',
    find: 'hash.digest().equals(event.value.sha256) && ',
    replace: '',
    caughtBy: transport('backup', 'is no backup when a piece was changed'),
  },
  {
    id: 'restored with the epoch of before',
    file: 'server/store/file/restore.ts',
    find: "SET value = ? WHERE name = 'epoch'",
    replace: "SET value = ? WHERE name = 'nothing'",
    caughtBy: sqlite('backup', 'makes a store of a backup, with an epoch of its own that stays'),
  },
  {
    id: 'damage of a backup not looked for',
    file: 'server/store/file/restore.ts',
    find: "if (fault !== 'ok') throw",
    replace: 'if (fault === null) throw',
    caughtBy: sqlite('backup', 'refuses what is no whole backup of contact, and leaves the store that is there'),
  },
];
