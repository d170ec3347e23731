/** What is told of a configuration that is wrong; nobody reads more, and a server that is told to reload stands still meanwhile. */
export const MAX_PROBLEMS = 20;

/** What is wrong with a configuration, each with its place: `contact.yaml:3: max-payload: Expected …`. */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const told =
      problems.length > MAX_PROBLEMS ? [...problems.slice(0, MAX_PROBLEMS), 'and more of the kind'] : [...problems];
    super(told.join('\n'));
    this.name = 'ConfigurationError';
    this.problems = told;
  }
}
