export type Params = Readonly<Record<string, string | number | undefined | readonly string[]>>;

/** The address of a screen: `linkTo(['queues', 'a/b'], { state: 'failed' })`. */
export function linkTo(parts: readonly string[], params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const text = query.toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${text && `?${text}`}`;
}
