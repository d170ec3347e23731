/** The flow of the server; an import may only point right. */
export const FLOW: readonly string[] = ['transport', 'session', 'dispatch', 'store', 'model'];

const SHIPPED = ['server', 'client', 'cli', 'shared', 'gen', 'bin'];

/** Whether a file is part of what is published, by its path below the project's top. */
export function isShipped(path: string): boolean {
  return SHIPPED.includes(topOf(path));
}

/** Why `from` must not import `to` (both files of the project); undefined: it may. */
export function refuseImport(from: string, to: string): string | undefined {
  if (!isShipped(from)) return undefined;
  if (!isShipped(to)) return to.includes('/') ? `${topOf(to)}/ is not published` : undefined;
  const [source, target] = [topOf(from), topOf(to)];
  if (source === target) return source === 'server' ? refuseInServer(from, to) : undefined;
  if (target === 'gen') {
    const isWire = source !== 'server' || layerOf(from) === undefined || layerOf(from) === 'transport';
    return isWire ? undefined : 'in the server only transport/ knows the wire';
  }
  if (source === 'gen') return 'gen/ imports nothing of ours';
  if (source === 'shared') return 'shared/ imports nothing of ours but gen/';
  if (target === 'shared') return undefined;
  if (source === 'cli' && target === 'client') return undefined;
  if (source === 'cli' && to === 'server/index.ts') {
    return /(^|\/)serve\.ts$/.test(from) ? undefined : 'only the serve command imports the server';
  }
  if (source === 'bin' && target === 'cli') return undefined;
  return `${source}/ does not import ${target}/`;
}

function refuseInServer(from: string, to: string): string | undefined {
  const source = layerOf(from);
  const target = layerOf(to);
  if (source === undefined) return undefined;
  if (target === undefined) return `server/${source}/ does not import the composition root`;
  const [left, right] = [FLOW.indexOf(source), FLOW.indexOf(target)];
  if (left < 0) return `server/${source}/ is not a layer: ${FLOW.join(' → ')}`;
  if (right < 0) return `server/${target}/ is not a layer: ${FLOW.join(' → ')}`;
  return right < left ? `imports point right: ${FLOW.join(' → ')}` : undefined;
}

function topOf(path: string): string {
  return path.split('/')[0] ?? '';
}

/** The folder below server/; undefined for the files of the composition root. */
function layerOf(path: string): string | undefined {
  const parts = path.split('/');
  return parts.length > 2 ? parts[1] : undefined;
}
