import { InvalidArgumentError } from 'commander';

/** Collects the values of an option that may be repeated. */
export function collect(value: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}

/** Collects the values of an option that may be repeated and has a closed set of them. */
export function collectFrom(
  choices: readonly string[],
): (value: string, earlier: readonly string[] | undefined) => string[] {
  return (value, earlier) => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Expected one of ${choices.join(', ')}.`);
    return collect(value, earlier);
  };
}

/** Collects the pairs of a repeated `KEY=VALUE` option. */
export function collectPairs(
  value: string,
  earlier: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected KEY=VALUE.');
  return { ...earlier, [value.slice(0, at)]: value.slice(at + 1) };
}
