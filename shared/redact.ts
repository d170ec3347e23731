/** Texts that are secrets wherever they stand, each with what is shown of it: as much as tells which one it was. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // A token, also one that was cut off or has something at its end: its id is no secret.
  [/(ct_[a-z0-9]{16}_)[A-Za-z0-9_-]+/g, '$1***'],
  // A join text.
  [/cj_[A-Za-z0-9_-]{8,}/g, 'cj_***'],
  // A JWT: its first two parts begin with the braces of JSON.
  [/eyJ[A-Za-z0-9_-]*\.eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?/g, 'eyJ***'],
  // A private key in PEM, also where its line feeds are written as JSON has them.
  [/(-----BEGIN [A-Z ]*PRIVATE KEY-----)[A-Za-z0-9+/=\s\\]*/g, '$1***'],
];

/** The text of a token or of a join, whole and by itself or between other signs than those it is made of. */
const CREDENTIAL = /(?<![A-Za-z0-9_-])(?:ct_[a-z0-9]{16}_[A-Za-z0-9_-]{43}|cj_eyJ[A-Za-z0-9_-]{64,})(?![A-Za-z0-9_-])/;
const SHORTEST_CREDENTIAL = 63;

/**
 * Whether a credential stands in a text that is to be a name, or to be shown as one is: whoever writes it there has taken the
 * wrong variable, and would have a secret in every list and log.
 */
export function holdsCredential(text: string): boolean {
  return text.length >= SHORTEST_CREDENTIAL && CREDENTIAL.test(text);
}

/** The password of `postgres://user:password@host` is nobody's to see. */
export function maskPassword(text: string): string {
  return text.replace(/(\/\/[^/:@\s"]*):[^@/\s"]*@/g, '$1:***@');
}

/**
 * A text for people or for a log, without the secrets in it. It is the last line, for what somebody has put where it does not
 * belong, a token in place of a name say: whoever has a secret keeps it out of messages.
 */
export function hideSecrets(text: string): string {
  return SECRETS.reduce((shown, [secret, instead]) => shown.replace(secret, instead), maskPassword(text));
}

/** How deep the fields of a line of a log are looked at: they are names and lists of names. */
const MAX_DEPTH = 3;

/** The same for the fields of a line, as deep as those go; what is no plain value is left as it is. */
export function hideSecretsIn(value: unknown, depth = MAX_DEPTH): unknown {
  if (typeof value === 'string') return hideSecrets(value);
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  if (Array.isArray(value)) return value.map((one) => hideSecretsIn(one, depth - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [hideSecrets(key), hideSecretsIn(one, depth - 1)]),
  );
}
