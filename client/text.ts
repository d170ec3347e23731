/** The longest beginning of `text` that takes at most `maxBytes` in UTF-8 and splits no character. */
export function cutText(text: string, maxBytes: number): string {
  // UTF-8 takes at most three bytes for one UTF-16 unit.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = new Uint8Array(maxBytes);
  const { read, written } = new TextEncoder().encodeInto(text, bytes);
  // A copy: a slice of V8 would hold on to the whole text for as long as the report waits.
  return read === text.length ? text : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, written));
}

/** The longest beginning of `text` that has at most `maxLength` UTF-16 units and splits no character. */
export function cutCharacters(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text.replace(/[\uD800-\uDBFF]$/, '');
  return Buffer.from(text.slice(0, maxLength).replace(/[\uD800-\uDBFF]$/, '')).toString();
}
