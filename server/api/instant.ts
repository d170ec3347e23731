import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { invalid } from '../../shared/errors.ts';

/** What google.protobuf.Timestamp can tell: the years 1 to 9999. Stock clients cannot read anything else. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** An instant in milliseconds since 1970. INVALID_ARGUMENT names the field. */
export function readInstant(field: string, timestamp: Timestamp): number {
  const ms = timestampMs(timestamp);
  const isWhole = timestamp.nanos >= 0 && timestamp.nanos < 1_000_000_000 && Number.isSafeInteger(ms);
  if (!isWhole || ms < FIRST_MS || ms > LAST_MS) throw invalid(field, 'expected an instant of the years 1 to 9999');
  return ms;
}
