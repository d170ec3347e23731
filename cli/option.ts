import { InvalidArgumentError } from 'commander';

/** Collects the values of an option that may be repeated. */
export function collect(value: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}

/** Collects the values of an option that may be repeated and has a closed set of them, which completion reads. */
export function collectFrom(
  choices: readonly string[],
): ((value: string, earlier: readonly string[] | undefined) => string[]) & { readonly choices: readonly string[] } {
  const parse = (value: string, earlier: readonly string[] | undefined): string[] => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Expected one of ${choices.join(', ')}.`);
    return collect(value, earlier);
  };
  return Object.assign(parse, { choices });
}

/** Collects the pairs of a repeated `KEY=VALUE` option; a key that comes again has the value that came last. */
export function collectPairs(
  given: string,
  earlier: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const at = given.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected KEY=VALUE.');
  return { ...earlier, [given.slice(0, at)]: given.slice(at + 1) };
}
