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
