import type { Clients } from './clients.ts';
import type { Database } from './file/database.ts';
import type { Fresh } from './fresh/fresh.ts';
import type { Catalog } from './rows/catalog.ts';
import type { Children } from './rows/children.ts';
import type { Counters } from './rows/counters.ts';
import type { Endings } from './rows/endings.ts';
import type { Tasks } from './rows/live.ts';
import type { Sessions } from './rows/sessions.ts';
import type { Warm } from './rows/warm.ts';

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
