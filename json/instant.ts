import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';

/** ISO 8601 in UTC with milliseconds. */
export function instantOf(instant: Timestamp | undefined): string | undefined {
  return instant && timestampDate(instant).toISOString();
}

/** An instant that every server tells. */
export function knownInstant(instant: Timestamp | undefined): string {
  return instantOf(instant) ?? new Date(0).toISOString();
}
