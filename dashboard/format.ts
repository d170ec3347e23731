// Numbers, times and sizes as people read them. Nothing here knows the page.

const WHOLE = new Intl.NumberFormat('en');
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `12,345` */
export const formatCount = (count: number): string => WHOLE.format(count);

/** `1 task`, `12,345 tasks` */
export const formatTasks = (count: number): string => `${formatCount(count)} ${count === 1 ? 'task' : 'tasks'}`;

/** `840 ms`, `2.4 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h` */
export function formatDuration(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return join(ms, MINUTE, 'min', SECOND, 's');
  if (ms < DAY) return join(ms, HOUR, 'h', MINUTE, 'min');
  return join(ms, DAY, 'd', HOUR, 'h');
}

function join(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}

/** `3 min ago`, `in 2 h`; to one unit. */
export function formatAgo(at: string, now: number): string {
  const ms = now - Date.parse(at);
  const text = roughly(Math.abs(ms));
  if (text === undefined) return 'now';
  return ms > 0 ? `${text} ago` : `in ${text}`;
}

/** How old something is, to one unit: `3 min`. */
export const formatAge = (at: string, now: number): string => roughly(Math.max(0, now - Date.parse(at))) ?? '0 s';

function roughly(ms: number): string | undefined {
  if (ms < SECOND) return undefined;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** `2027-01-31 08:00:00.123`, in the time of who looks. */
export function formatInstant(at: string): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `512 B`, `3.4 MiB` */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `2.5 %`; `0 %` of nothing. */
export function formatShare(part: number, whole: number): string {
  const share = whole === 0 ? 0 : (100 * part) / whole;
  return `${share > 0 && share < 10 ? share.toFixed(1) : Math.round(share)} %`;
}

/** `0.4`, `12`, `1,204`: a rate. */
export function formatRate(rate: number): string {
  if (rate === 0) return '0';
  return rate < 10 ? rate.toFixed(1) : formatCount(Math.round(rate));
}
