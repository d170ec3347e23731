import { InvalidArgumentError } from 'commander';
import { DURATION_FORM, readDuration } from '../shared/quantity.ts';

/** The longest that fits the contract's 32-bit millisecond fields: 49 days and 17 hours. */
const MAX_DURATION_MS = 2 ** 32 - 1;

/** `500ms`, `10s`, `1.5h`, `2d` as whole milliseconds; throws what the parser shows to the user. */
export function parseDuration(text: string): number {
  const ms = readDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`Expected ${DURATION_FORM}.`);
  if (ms > MAX_DURATION_MS) throw new InvalidArgumentError('Expected at most 49d.');
  return ms;
}

/** A duration that must not be nothing. */
export function parsePositiveDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms === 0) throw new InvalidArgumentError('Expected more than 0ms.');
  return ms;
}

const INSTANT =
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)[Tt ](?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?:\.\d+)?)?(?:[Zz]|[+-](?<zoneHour>\d\d):(?<zoneMinute>\d\d))$/;

/** What google.protobuf.Timestamp can tell: an offset may lead out of it. */
const FIRST = new Date('0001-01-01T00:00:00Z');
const LAST = new Date('9999-12-31T23:59:59.999Z');

type Fields = Readonly<Record<string, string>>;

/** An RFC 3339 instant; the offset is required, because worker, server and user may live in different zones. */
export function parseInstant(text: string): Date {
  const fields = INSTANT.exec(text)?.groups;
  const instant = new Date(text.toUpperCase().replace(' ', 'T'));
  if (!fields || !isOnClock(fields) || Number.isNaN(instant.getTime())) {
    throw new InvalidArgumentError(
      'Expected a time with its offset, such as 2027-01-31T08:00:00Z or …T09:00:00+01:00.',
    );
  }
  if (!isInCalendar(fields)) throw new InvalidArgumentError(`There is no ${text.slice(0, 10)} in the calendar.`);
  if (instant < FIRST || instant > LAST) throw new InvalidArgumentError('Expected a time of the years 1 to 9999.');
  return instant;
}

/** `Date` takes hour 24 for the next day; leap seconds are not known to it, nor to the server. */
function isOnClock({ hour, minute, second = '0', zoneHour = '0', zoneMinute = '0' }: Fields): boolean {
  return Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60 && Number(zoneHour) < 24 && +zoneMinute < 60;
}

/** `Date` moves a day that its month does not have into the next one. */
function isInCalendar({ year, month, day }: Fields): boolean {
  const date = new Date(`${year}-${month}-01T00:00:00Z`);
  date.setUTCDate(Number(day));
  return date.getUTCMonth() + 1 === Number(month) && Number(day) > 0;
}

/** An instant that has passed: as `parseInstant`, or a duration that stands for so long ago. */
export function parsePast(text: string): Date {
  return readDuration(text) !== undefined ? new Date(Date.now() - parseDuration(text)) : parseInstant(text);
}

/** 100 years. */
const MAX_LIFETIME_MS = 36_500 * 86_400_000;

/** How long something lives, in whole seconds, as milliseconds: `1h`, `90d`. */
export function parseLifetime(text: string): number {
  const ms = readDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`Expected ${DURATION_FORM}.`);
  if (ms === 0 || ms % 1_000 !== 0) throw new InvalidArgumentError('Expected whole seconds, at least 1s.');
  if (ms > MAX_LIFETIME_MS) throw new InvalidArgumentError('Expected at most 36500d.');
  return ms;
}
