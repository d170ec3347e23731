import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseDuration, parseInstant, parsePast, parsePositiveDuration } from '../../cli/duration.ts';

describe('parseDuration()', () => {
  it('reads every unit', () => {
    const cases = {
      '0s': 0,
      '500ms': 500,
      '10s': 10_000,
      '1.5s': 1_500,
      '5m': 300_000,
      '1h': 3_600_000,
      '2d': 172_800_000,
    };
    for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text);
  });

  it('refuses what is no duration and says what one is', () => {
    for (const text of ['', '10', 's', '-1s', '1 s', '1w', '1h30m', '1e3s', '.5s', 'Infinitys']) {
      assert.throws(() => parseDuration(text), /Expected a duration such as/, text);
    }
  });

  it('refuses what does not fit the wire', () => {
    assert.equal(parseDuration('49d'), 49 * 86_400_000);
    assert.throws(() => parseDuration('50d'), /Expected at most 49d/);
  });
});

describe('parsePositiveDuration()', () => {
  it('refuses nothing', () => {
    assert.equal(parsePositiveDuration('1ms'), 1);
    assert.throws(() => parsePositiveDuration('0s'), /more than 0ms/);
    assert.throws(() => parsePositiveDuration('0.4ms'), /more than 0ms/);
  });
});

describe('parseInstant()', () => {
  it('reads RFC 3339 with any offset', () => {
    const expected = Date.UTC(2027, 0, 31, 8);
    for (const text of ['2027-01-31T08:00:00Z', '2027-01-31t08:00z', '2027-01-31 09:00:00.000+01:00']) {
      assert.equal(parseInstant(text).getTime(), expected, text);
    }
  });

  it('refuses a time without offset, a bare date and an impossible one', () => {
    for (const text of ['2027-01-31T08:00:00', '2027-01-31', '2027-13-31T08:00:00Z', 'tomorrow', '1700000000']) {
      assert.throws(() => parseInstant(text), /Expected a time with its offset/, text);
    }
  });
});

describe('a date', () => {
  it('is refused when a Timestamp cannot tell it', () => {
    for (const text of ['0000-12-31T23:59:59Z', '0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00']) {
      assert.throws(() => parseInstant(text), /Expected a time of the years 1 to 9999/, text);
    }
    assert.equal(parseInstant('9999-12-31T23:59:59.999Z').getUTCFullYear(), 9999);
  });

  it('is refused when no calendar or no clock has it', () => {
    for (const day of [
      '2027-02-30',
      '2027-02-29',
      '2100-02-29',
      '2027-04-31',
      '2027-00-10',
      '2027-01-00',
      '2027-01-32',
    ]) {
      assert.throws(() => parseInstant(`${day}T00:00:00Z`), /There is no|Expected a time/, day);
      assert.throws(() => parsePast(`${day}T00:00:00Z`), /There is no|Expected a time/, day);
    }
    for (const time of ['24:00:00Z', '23:60:00Z', '23:59:60Z', '08:00:00+24:00', '08:00:00-01:60', '08:00:00+99:99']) {
      assert.throws(() => parseInstant(`2027-01-31T${time}`), /Expected a time with its offset/, time);
    }
  });

  it('is taken on the days that only some years have', () => {
    assert.equal(parseInstant('2028-02-29T23:30:00-01:00').toISOString(), '2028-03-01T00:30:00.000Z');
  });
});

describe('parsePast()', () => {
  it('reads an instant, or how long ago it was', () => {
    assert.equal(parsePast('2027-01-31T08:00:00Z').getTime(), Date.UTC(2027, 0, 31, 8));
    const hourAgo = Date.now() - parsePast('1h').getTime();
    assert.ok(hourAgo >= 3_600_000 && hourAgo < 3_660_000);
    assert.throws(() => parsePast('yesterday'), /Expected a time with its offset/);
  });
});
