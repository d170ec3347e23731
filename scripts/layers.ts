/**
 * Which room of the sources may import which. `from` and `to` are rooms as `roomOf` names them; a pair that is in no row
 * is refused. Inside `server/` imports only point right; what the left needs of the right it imports, what the right
 * needs of the left it declares itself.
 */
export const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  bin: ['cli'],
  cli: ['client', 'json', 'shared', 'gen'],
  // Messages of the contract in the one vocabulary of JSON: of the command line, and of HTTP.
  json: ['shared', 'gen'],
  client: ['tunnel', 'wire', 'shared', 'gen'],
  // For the tests of programs that use contact: a server in their process, what a handler is given, and a clock.
  testing: ['client', 'server', 'shared', 'gen'],
  // Both ends of a Serve stream.
  tunnel: ['wire', 'shared'],
  wire: ['shared', 'gen'],
  shared: [],
  gen: [],
  // The composition root puts every room together.
  server: [
    'server/config',
    'server/web',
    'server/transport',
    'server/metrics',
    'server/history',
    'server/api',
    'server/access',
    'server/tunnel',
    'server/session',
    'server/dispatch',
    'server/store',
    'server/model',
    'server/tls',
    'wire',
    'shared',
    'gen',
  ],
  // Sockets and gRPC: only this layer has call objects.
  'server/transport': [
    'server/api',
    'server/access',
    'server/tunnel',
    'server/session',
    'server/dispatch',
    'server/store',
    'server/model',
    'server/tls',
    'tunnel',
    'shared',
    'gen',
  ],
  // JSON over HTTP for people, scripts and browsers: what a request means, and what is answered. Loaded with the first of them.
  'server/web': ['server/transport', 'server/api', 'server/model', 'json', 'shared', 'gen'],
  // Certificates and their files; nothing here knows what they are for.
  'server/tls': ['shared'],
  // How the server is, for who looks after it: HTTP of its own, loaded when asked for.
  'server/metrics': ['server/store', 'server/model', 'shared'],
  // The last hour, counted in memory: who is asked for it has a view of it, and knows no ring.
  'server/history': ['server/store', 'server/model', 'shared'],
  // Who serves what, and calls to them; nothing here knows what carries either end.
  'server/tunnel': ['server/model', 'tunnel', 'shared'],
  // Requests and answers are the messages of the contract, whatever carries them; nothing here knows what does.
  'server/api': [
    'server/access',
    'server/history',
    'server/session',
    'server/dispatch',
    'server/store',
    'server/model',
    'shared',
    'gen',
  ],
  // Who somebody is, and which methods are for whom: tokens, certificates, credentials in memory; no call objects.
  'server/access': ['server/store', 'server/model', 'shared', 'gen'],
  'server/session': ['server/dispatch', 'server/store', 'server/model', 'shared'],
  'server/dispatch': ['server/store', 'server/model', 'shared'],
  'server/store': ['server/model', 'shared'],
  'server/model': ['shared'],
  // The options of a server: what they are called, how they are written and where they come from.
  'server/config': ['shared'],
};

/** Packages that are no affair of some rooms, each with those rooms. */
const REFUSED_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  // What carries a request is known to the left of them alone.
  '@grpc/grpc-js': [
    'server/api',
    'server/access',
    'server/session',
    'server/dispatch',
    'server/store',
    'server/model',
    'tunnel',
  ],
};

/** A room that runs in browsers, and is shipped as it is built: what of ours and which packages it may take. */
const PAGE = {
  room: 'dashboard',
  // Types, of which nothing is left when it is built.
  types: ['scripts/json/', 'zod'],
  packages: ['preact', '@preact/signals', 'uplot'],
};

/** Single files that may import beyond their room, each with the one thing that it needs. */
const EXCEPTIONS: readonly { readonly from: RegExp; readonly to: string }[] = [
  // `contact serve` is a server in the process of the command; `contact restore` makes the store of one.
  { from: /^cli\/(.*\/)?(serve|restore)\.ts$/, to: 'server/index.ts' },
  { from: /^cli\/serve\//, to: 'server/index.ts' },
  // Its flags are made of the table of options, which loads nothing of a server.
  { from: /^cli\/(serve\/.*|commands\/serve)\.ts$/, to: 'server/config/index.ts' },
];

/** Folders inside a room that are entered by these files alone, which say what others may use of them. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  'server/store/act': ['acts.ts', 'requestacts.ts'],
  'server/store/credential': ['credentials.ts'],
  'server/store/file': ['database.ts', 'open.ts'],
  'server/store/history': ['records.ts'],
  'server/store/sqlite/rows': ['index.ts'],
  'server/store/sqlite/fresh': ['fresh.ts'],
};

/** At most so many imports between the files of a room: beyond, nobody finds the way, and a part of it is to stand alone. */
export const MOST_ARROWS: Readonly<Record<string, number>> = { 'server/store/sqlite': 83 };

/** Whether a file is part of what is published, by its path below the project's top. */
export function isShipped(path: string): boolean {
  return topOf(path) in ALLOWED;
}

/** Why `from` must not import `to` (both files of the project); undefined: it may. */
export function refuseImport(from: string, to: string): string | undefined {
  if (topOf(from) === PAGE.room) return refuseToPage(to);
  if (!isShipped(from)) return undefined;
  if (!isShipped(to)) return to.includes('/') ? `${topOf(to)}/ is not published` : undefined;
  if (EXCEPTIONS.some((one) => one.from.test(from) && one.to === to)) return undefined;
  const [source, target] = [roomOf(from), roomOf(to)];
  if (source === target) return refuseBesideDoor(from, to);
  for (const room of [source, target]) {
    if (!(room in ALLOWED)) return `${room}/ has no row in the table of rooms`;
  }
  if (ALLOWED[source]!.includes(target)) return undefined;
  if (target === 'server' && source.startsWith('server/')) return `${source}/ does not import the composition root`;
  if (target === 'gen') return `${source}/ does not know the wire`;
  return `${source}/ may import ${ALLOWED[source]!.join(', ') || 'nothing of ours'}`;
}

function refuseToPage(to: string): string | undefined {
  if (topOf(to) === PAGE.room || PAGE.types.some((room) => to.startsWith(room))) return undefined;
  return `${PAGE.room}/ runs in a browser: it may import nothing of ours but types of scripts/json/`;
}

function refuseBesideDoor(from: string, to: string): string | undefined {
  for (const [folder, doors] of Object.entries(DOORS)) {
    const isInside = (path: string): boolean => path.startsWith(`${folder}/`);
    if (!isInside(to) || isInside(from) || doors.some((door) => to === `${folder}/${door}`)) continue;
    return `${folder}/ is entered by ${doors.join(' and ')} alone`;
  }
  return undefined;
}

/** The packages that are no affair of the room of `path`. */
export function packagesRefusedTo(path: string): readonly string[] {
  return Object.keys(REFUSED_PACKAGES).filter((name) => refusePackage(path, name) !== undefined);
}

/** Why `from` must not import a package; undefined: it may, as far as its room goes. */
export function refusePackage(from: string, name: string): string | undefined {
  const room = roomOf(from);
  if (room === PAGE.room) {
    const isKnown = PAGE.packages.includes(name) || (PAGE.types.includes(name) && from === `${PAGE.room}/shapes.ts`);
    return isKnown ? undefined : `${PAGE.room}/ is made of ${PAGE.packages.join(', ')} alone`;
  }
  return REFUSED_PACKAGES[name]?.includes(room) ? `${room}/ does not know it` : undefined;
}

function topOf(path: string): string {
  return path.split('/')[0] ?? '';
}

/** The top folder; below `server/` its layer too. */
function roomOf(path: string): string {
  const [top = '', layer, ...rest] = path.split('/');
  return top === 'server' && rest.length > 0 ? `${top}/${layer}` : top;
}
