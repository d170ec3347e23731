/** The longest beginning of `text` that takes at most `maxBytes` in UTF-8 and splits no character. */
export function cutText(text: string, maxBytes: number): string {
  // UTF-8 takes at most three bytes for one UTF-16 unit.
  if (text.length * 3 <= maxBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}

/** The longest beginning of `text` that has at most `maxLength` UTF-16 units and splits no character. */
export function cutCharacters(text: string, maxLength: number): string {
  return text.slice(0, maxLength).replace(/[\uD800-\uDBFF]$/, '');
}
