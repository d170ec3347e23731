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
