import { InvalidArgumentError } from 'commander';
import { findLabelFault } from '../client/labels.ts';

/** Collects the labels of a repeated `KEY=VALUE` option. */
export function collectLabels(
  given: string,
  earlier: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const at = given.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected KEY=VALUE.');
  const [key, value] = [given.slice(0, at), given.slice(at + 1)];
  const fault = findLabelFault(key, value);
  if (fault !== null) throw new InvalidArgumentError(`Expected ${fault}.`);
  return { ...earlier, [key]: value };
}
