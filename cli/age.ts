import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';

const STEPS = [
  ['d', 86_400_000, 'h', 3_600_000],
  ['h', 3_600_000, 'm', 60_000],
  ['m', 60_000, 's', 1_000],
] as const;

/** `12s`, `5m 3s`, `3h 5m` or `2d 4h`; a negative span (clocks differ) is `0s`. */
export function formatSpan(ms: number): string {
  for (const [unit, unitMs, part, partMs] of STEPS) {
    if (ms < unitMs) continue;
    const rest = Math.floor((ms % unitMs) / partMs);
    return rest === 0 ? `${Math.floor(ms / unitMs)}${unit}` : `${Math.floor(ms / unitMs)}${unit} ${rest}${part}`;
  }
  return `${Math.max(0, Math.floor(ms / 1_000))}s`;
}

/** `17ms`, `1.5s`, `2m 3s` */
export function formatMs(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, ms)}ms`;
  return ms < 60_000 ? `${Number((ms / 1_000).toFixed(1))}s` : formatSpan(ms);
}

/** How long ago an instant was; empty when there is none. */
export function formatAge(instant: Timestamp | undefined, now: number): string {
  return instant ? formatSpan(now - timestampMs(instant)) : '';
}

/** An instant as people and programs read it; empty when there is none. */
export function formatInstant(instant: Timestamp | undefined): string {
  return instant ? new Date(timestampMs(instant)).toISOString() : '';
}
