/**
 * Secrets of this project wherever they stand, also with something before or behind them, pasted twice or cut off: what is left
 * of a secret that is cut shorter than this opens nothing, and a name may look like it.
 */
const OWN_SECRETS: readonly (readonly [RegExp, string])[] = [
  // A token: its id is no secret.
  [/(ct_[a-z0-9]{16}_)[A-Za-z0-9_-]{20,}/g, '$1***'],
  // A join text: the brace of JSON and what follows it.
  [/cj_eyJ[A-Za-z0-9_-]{8,}/g, 'cj_***'],
];

/** Texts that are secrets wherever they stand, each with what is shown of it: as much as tells which one it was. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  ...OWN_SECRETS,
  // A JWT: its first two parts begin with the braces of JSON. It is looked for from the beginning of a word alone, past what stands before
  // its first brace: from each brace of a long word to its end would take the square of its length.
  [/(?<![\w-])((?:(?!eyJ)[\w-])*)eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?/g, '$1eyJ***'],
  // A private key in PEM, also where its line feeds are written as JSON has them.
  [/(-----BEGIN [A-Z ]*PRIVATE KEY-----)[A-Za-z0-9+/=\s\\]*/g, '$1***'],
];

/** What each of them has in it: names are looked at for each task. */
const SIGN = /c[tj]_|eyJ|-----BEGIN/;

/**
 * Whether a secret stands in a text that is to be a name, or to be shown as one is: whoever writes it there has taken the
 * wrong variable, and would have a secret in every list and log. It is whatever `hideSecrets` hides of texts.
 */
export function holdsCredential(text: string): boolean {
  return SIGN.test(text) && SECRETS.some(([secret]) => text.search(secret) >= 0);
}

/** Whether a token of this project or a join text stands in it; what is somebody else's secret may be meant to be there. */
export function holdsOwnCredential(text: string): boolean {
  return SIGN.test(text) && OWN_SECRETS.some(([secret]) => text.search(secret) >= 0);
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
  const masked = text.includes('//') ? maskPassword(text) : text;
  if (!SIGN.test(masked)) return masked;
  return SECRETS.reduce((shown, [secret, instead]) => shown.replace(secret, instead), masked);
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
