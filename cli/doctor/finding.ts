/** What a look at one thing has come to. */
export interface Finding {
  /** What was looked at, in one or two words. */
  readonly check: string;
  /** `wrong` is to be mended; a `note` is to be known. */
  readonly level: 'ok' | 'note' | 'wrong';
  /** What is so, as a sentence without its full stop. */
  readonly what: string;
  /** What to do about it; empty: nothing. */
  readonly advice: string;
}

export function ok(check: string, what: string): Finding {
  return { check, level: 'ok', what, advice: '' };
}

export function note(check: string, what: string, advice: string): Finding {
  return { check, level: 'note', what, advice };
}

export function wrong(check: string, what: string, advice: string): Finding {
  return { check, level: 'wrong', what, advice };
}

/** As many as are read by somebody; the rest is counted. */
const MOST = 20;

/** The first of many findings of one kind, and how many there are beside. */
export function cut(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= MOST) return findings;
  const { check, level } = findings[MOST]!;
  const rest = findings.length - MOST;
  return [
    ...findings.slice(0, MOST),
    { check, level, what: `and ${rest} more of this kind`, advice: 'use --json with "contact queues list"' },
  ];
}
