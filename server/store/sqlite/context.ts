import type { Catalog } from './catalog.ts';
import type { Children } from './children.ts';
import type { Clients } from './clients.ts';
import type { Counters } from './counters.ts';
import type { Database } from './database.ts';
import type { Endings } from './endings.ts';
import type { Fresh } from './fresh.ts';
import type { Sessions } from './sessions.ts';
import type { Tasks } from './tasks.ts';
import type { Warm } from './warm.ts';

/** What the parts of the engine share: the file and its mirrors in memory. */
export interface Context {
  readonly db: Database;
  readonly catalog: Catalog;
  readonly counters: Counters;
  readonly sessions: Sessions;
  readonly clients: Clients;
  readonly children: Children;
  readonly tasks: Tasks;
  readonly fresh: Fresh;
  readonly warm: Warm;
  readonly endings: Endings;
}
