import type { Route } from './route.ts';
import { CLIENT_ROUTES } from './routes/clients.ts';
import { QUEUE_ROUTES } from './routes/queues.ts';
import { STREAM_ROUTES } from './routes/results.ts';
import { SERVER_ROUTES } from './routes/server.ts';
import { TASK_ROUTES } from './routes/tasks.ts';

/** All that can be asked over HTTP. */
export const ROUTES: readonly Route[] = [
  ...TASK_ROUTES,
  ...STREAM_ROUTES,
  ...QUEUE_ROUTES,
  ...CLIENT_ROUTES,
  ...SERVER_ROUTES,
];

const MAX_PARTS = 8;

/** A place in the tree of paths: what comes next, and what is asked for here. */
interface Place {
  readonly parts: Map<string, Place>;
  /** Where any part may stand. */
  any: { readonly name: string; readonly place: Place } | undefined;
  readonly routes: Map<string, Route>;
}

export interface Found {
  /** By verb; none: there is nothing at this path. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Parts of the path by the names that they have in it, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

const createPlace = (): Place => ({ parts: new Map(), any: undefined, routes: new Map() });

const ROOT = createPlace();
for (const route of ROUTES) {
  let at = ROOT;
  for (const part of route.path.slice(1).split('/')) {
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? [];
    if (name !== undefined) at.any ??= { name, place: createPlace() };
    else if (!at.parts.has(part)) at.parts.set(part, createPlace());
    at = name === undefined ? at.parts.get(part)! : at.any!.place;
  }
  at.routes.set(route.verb, route);
}

const NOTHING: Found = { routes: new Map(), params: {} };

/** What may be asked at a path. Literal parts come before named ones. */
export function findRoutes(path: string): Found {
  const parts = path.slice(1).split('/', MAX_PARTS);
  const params = new Map<string, string>();
  let at = ROOT;
  for (const part of parts) {
    const known = at.parts.get(part);
    if (known) {
      at = known;
      continue;
    }
    const value = decode(part);
    if (!at.any || value === undefined) return NOTHING;
    params.set(at.any.name, value);
    at = at.any.place;
  }
  return at.routes.size === 0 ? NOTHING : { routes: at.routes, params: Object.fromEntries(params) };
}

function decode(part: string): string | undefined {
  try {
    return part === '' ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
