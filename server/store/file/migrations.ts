/**
 * Numbered from 1; each runs in a transaction of its own and is never edited once released.
 *
 * `task` is written once, but for a key that another task has taken over: it moves to `freed_key`. `live` has one
 * narrow row for each task that is not settled: 0 ready, 1 running, 2 scheduled; what a delivery carries over (seq,
 * attempt, lost, last_error; owner and owner_subject: whose the delivery was that was lost) stays in it. `result` is the log, its position
 * drawn in code so that it is dense. A task's state is its `live` row, or else its newest result; one that has neither
 * is fresh (`fresh/fresh.ts`): running if a row of `claim` names it (`runs`: keys of tasks by session), else ready,
 * with the place in the order that `task.seq` has from the insert; `backlog` has the ranges of keys that nothing else
 * speaks of. `broadcast` counts the children of a parent; `live.parent_key` marks a child that still counts there. Its
 * phase is 0 open, 1 filling, 2 opening; while it is not open `node` says who fills it (empty: whoever opens the file),
 * `held` has the keys of its children, a range for each insert, and those that are held are scheduled without an
 * instant; `audience` says whom it is for. `queue` also keeps the counts, written with whatever changed them; up to the
 * position `pruned_to` it keeps no settled task; its name counts for the principal `counted_for`. `principal` counts the tasks that wait of each that has any, by
 * `task.created_by`. `attempt` has the deliveries of a task that ended otherwise than by success, which the result
 * tells; `failure` the kinds of those of them that failed. `task_act` has what somebody did to a task, counted from 1;
 * `task_log` what its workers have said of it, a row for each line of each delivery. `act` has what operators have ordered, of
 * tasks too that are gone.
 * Blobs come last, so that reading the columns before them touches no overflow page.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE queue (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    ready INTEGER NOT NULL, running INTEGER NOT NULL, scheduled INTEGER NOT NULL,
    succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, expired INTEGER NOT NULL,
    is_paused INTEGER NOT NULL, max_waiting INTEGER NOT NULL, max_running INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE lane (
    id INTEGER PRIMARY KEY,
    queue_id INTEGER NOT NULL,
    lane TEXT NOT NULL,
    UNIQUE (queue_id, lane)
  ) STRICT;
  CREATE TABLE task (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    queue_id INTEGER NOT NULL,
    lane TEXT NOT NULL,
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_attempts INTEGER NOT NULL,
    timeout_ms INTEGER NOT NULL,
    backoff_base_ms INTEGER NOT NULL,
    backoff_cap_ms INTEGER NOT NULL,
    idempotency_key TEXT,
    parent_id TEXT,
    content_type TEXT NOT NULL,
    metadata TEXT,
    payload BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX task_by_idempotency_key ON task (queue_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE INDEX task_by_parent ON task (parent_id, id) WHERE parent_id IS NOT NULL;
  CREATE TABLE live (
    task_key INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    lane_id INTEGER NOT NULL,
    nprio INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    has_checkpoint INTEGER NOT NULL,
    run_at INTEGER,
    expires_at INTEGER,
    session_key INTEGER,
    claimed_at INTEGER,
    cancel_reason TEXT,
    parent_key INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX live_ready ON live (lane_id, nprio, seq) WHERE state = 0;
  CREATE INDEX live_running ON live (session_key) WHERE state = 1;
  CREATE INDEX live_scheduled ON live (run_at) WHERE state = 2;
  CREATE INDEX live_scheduled_by_lane ON live (lane_id, run_at) WHERE state = 2;
  CREATE INDEX live_expiry ON live (expires_at) WHERE expires_at IS NOT NULL AND state <> 1;
  CREATE TABLE broadcast (
    parent_key INTEGER PRIMARY KEY,
    children INTEGER NOT NULL,
    succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, expired INTEGER NOT NULL,
    phase INTEGER NOT NULL,
    run_at INTEGER
  ) STRICT;
  CREATE TABLE held (
    parent_key INTEGER NOT NULL,
    first_key INTEGER NOT NULL,
    last_key INTEGER NOT NULL,
    PRIMARY KEY (parent_key, first_key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE result (
    position INTEGER PRIMARY KEY,
    task_key INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    is_told INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    claimed_at INTEGER,
    settled_at INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    content_type TEXT NOT NULL,
    result BLOB NOT NULL
  ) STRICT;
  CREATE INDEX result_by_task ON result (task_key);
  CREATE TABLE checkpoint (task_key INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
  CREATE TABLE session (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    secret_hash TEXT NOT NULL UNIQUE,
    named_hash TEXT,
    subject TEXT NOT NULL,
    client_id TEXT NOT NULL,
    is_named INTEGER NOT NULL,
    labels TEXT NOT NULL,
    queues TEXT NOT NULL,
    node TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    lost_at INTEGER
  ) STRICT;
  CREATE INDEX session_by_client ON session (client_id);
  CREATE INDEX session_by_named_hash ON session (named_hash) WHERE named_hash IS NOT NULL;
  CREATE TABLE client (
    client_id TEXT PRIMARY KEY,
    labels TEXT NOT NULL,
    queues TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL,
    is_drained INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX client_by_last_seen ON client (last_seen_at);
  `,
  `
  ALTER TABLE task ADD COLUMN seq INTEGER;
  CREATE TABLE claim (id INTEGER PRIMARY KEY, claimed_at INTEGER NOT NULL, runs TEXT NOT NULL) STRICT;
  `,
  `
  CREATE TABLE backlog (
    id INTEGER PRIMARY KEY,
    lane_id INTEGER NOT NULL,
    nprio INTEGER NOT NULL,
    first_key INTEGER NOT NULL,
    last_key INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX backlog_by_first_key ON backlog (first_key);
  `,
  'ALTER TABLE task ADD COLUMN freed_key TEXT',
  'ALTER TABLE live ADD COLUMN last_error TEXT',
  'ALTER TABLE result ADD COLUMN lost INTEGER NOT NULL DEFAULT 0',
  'ALTER TABLE client ADD COLUMN first_seen_at INTEGER NOT NULL DEFAULT 0',
  'ALTER TABLE live ADD COLUMN owner TEXT',
  "ALTER TABLE broadcast ADD COLUMN node TEXT NOT NULL DEFAULT ''",
  'ALTER TABLE broadcast ADD COLUMN audience TEXT',
  `
  ALTER TABLE queue ADD COLUMN retain_ms INTEGER;
  ALTER TABLE queue ADD COLUMN retain_count INTEGER;
  ALTER TABLE queue ADD COLUMN pruned_to INTEGER NOT NULL DEFAULT 0;
  `,
  "ALTER TABLE client ADD COLUMN methods TEXT NOT NULL DEFAULT '[]'",
  'ALTER TABLE result ADD COLUMN error_details BLOB',
  'ALTER TABLE client ADD COLUMN served_until INTEGER NOT NULL DEFAULT 0',
  `
  CREATE TABLE credential (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    rights TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    uses_left INTEGER,
    lifetime_ms INTEGER,
    parent_id TEXT,
    client_id TEXT,
    revoked_at INTEGER,
    last_used_at INTEGER,
    created_by TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX credential_by_client ON credential (client_id) WHERE client_id IS NOT NULL;
  CREATE INDEX credential_by_parent ON credential (parent_id) WHERE parent_id IS NOT NULL;
  CREATE INDEX credential_by_end ON credential (coalesce(revoked_at, expires_at));
  CREATE INDEX credential_joins ON credential (created_at) WHERE kind = 'join';
  `,
  'ALTER TABLE live ADD COLUMN owner_subject TEXT',
  `
  CREATE TABLE attempt (
    task_key INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    claimed_at INTEGER,
    started_at INTEGER,
    ended_at INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    is_untouched INTEGER NOT NULL,
    backoff_ms INTEGER NOT NULL,
    error_code TEXT,
    error_message TEXT,
    error_details BLOB,
    error_detail TEXT,
    PRIMARY KEY (task_key, delivery)
  ) STRICT, WITHOUT ROWID;
  `,
  'ALTER TABLE credential ADD COLUMN ends_by INTEGER',
  `
  ALTER TABLE task ADD COLUMN created_by TEXT;
  CREATE TABLE principal (name TEXT PRIMARY KEY, waiting INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  // What operators ask for is what did not succeed: a success costs nothing here.
  'CREATE INDEX result_unsuccessful ON result (state, settled_at, error_code, task_key) WHERE state > 3',
  `
  ALTER TABLE client ADD COLUMN subject TEXT NOT NULL DEFAULT '';
  ALTER TABLE result ADD COLUMN told_by TEXT;
  `,
  // Columns that are added come behind the blobs of a row; the indexes have all that is counted.
  `
  ALTER TABLE attempt ADD COLUMN failure_id INTEGER;
  ALTER TABLE attempt ADD COLUMN is_final INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE failure (
    id INTEGER PRIMARY KEY,
    queue_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    pattern TEXT NOT NULL,
    UNIQUE (queue_id, code, pattern)
  ) STRICT;
  CREATE INDEX attempt_by_failure ON attempt (failure_id, ended_at, is_final) WHERE failure_id IS NOT NULL;
  CREATE INDEX attempt_by_client ON attempt (client_id, ended_at, failure_id, is_final) WHERE failure_id IS NOT NULL;
  `,
  `
  CREATE TABLE task_act (
    task_key INTEGER NOT NULL,
    number INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (task_key, number)
  ) STRICT, WITHOUT ROWID;
  `,
  // Of those that there are it is known of what renews itself, and of clients.
  `
  ALTER TABLE credential ADD COLUMN made_with TEXT;
  UPDATE credential SET made_with = parent_id WHERE client_id IS NOT NULL OR created_by = principal;
  CREATE INDEX credential_by_maker ON credential (made_with) WHERE made_with IS NOT NULL;
  `,
  `
  ALTER TABLE credential ADD COLUMN counted_for TEXT NOT NULL DEFAULT '';
  CREATE INDEX credential_by_share ON credential (counted_for, coalesce(revoked_at, expires_at)) WHERE counted_for <> '';
  `,
  `
  CREATE TABLE task_log (
    task_key INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    number INTEGER NOT NULL,
    level INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (task_key, delivery, number)
  ) STRICT, WITHOUT ROWID;
  `,
  'CREATE INDEX credential_by_principal ON credential (principal)',
  `
  CREATE TABLE act (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    queue TEXT,
    client_id TEXT,
    count INTEGER NOT NULL,
    reason TEXT NOT NULL,
    task_ids TEXT,
    detail TEXT
  ) STRICT;
  CREATE INDEX act_alike ON act (principal, kind, queue, client_id, number);
  `,
  `
  CREATE TABLE history (
    node TEXT NOT NULL,
    until INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (node, until)
  ) STRICT;
  `,
  // Of the queues that there are it is not known whose they are: they count for nobody.
  "ALTER TABLE queue ADD COLUMN counted_for TEXT NOT NULL DEFAULT ''",
];
