import { hideSecrets, hideSecretsIn } from './redact.ts';

/** Where a program tells what happens; pino fits. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * A logger that throws (its disk is full, its pipe has no reader) must not end what it is told of. It is told no secret, whatever
 * a caller has put in the place of a name: lines of refused calls and of operators' acts have names as they were given.
 */
export function guardLogger(logger: Logger): Logger {
  const guard =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      try {
        logger[level](hideSecretsIn(fields) as object, hideSecrets(message));
      } catch {
        // There is nobody left to tell.
      }
    };
  return { info: guard('info'), warn: guard('warn'), error: guard('error') };
}

export const silentLogger: Logger = Object.freeze({ info: () => {}, warn: () => {}, error: () => {} });
