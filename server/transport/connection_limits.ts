import { invalid } from '../../shared/errors.ts';

export interface ConnectionOptions {
  readonly maxConnections: number;
  /** Undefined: a tenth of all, at most 100, and one of few; none where there is but one connection. */
  readonly reservedConnections: number | undefined;
  /** Undefined: half of all. */
  readonly maxConnectionsPerPrincipal: number | undefined;
}

/** How many connections there may be, and of whom. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Of those, places that none but operators take. */
  readonly reserved: number;
  readonly perPrincipal: number;
}

const RESERVED_SHARE = 1 / 10;
const MOST_RESERVED = 100;
const PRINCIPAL_SHARE = 1 / 2;

/**
 * Puts numbers in the place of what was not said. A server that asks nobody who they are knows no operators, and reserves nothing.
 * INVALID_ARGUMENT: the reserve leaves nothing for others, naming the option.
 */
export function readConnectionLimits(options: ConnectionOptions, isAuthOn: boolean): ConnectionLimits {
  const { maxConnections, reservedConnections, maxConnectionsPerPrincipal } = options;
  if (reservedConnections !== undefined && reservedConnections >= maxConnections) {
    const expected = `expected less than maxConnections, which is ${maxConnections}`;
    throw invalid('reservedConnections', `${expected}, got \`${reservedConnections}\``);
  }
  // Of two one is for others: operators can mend any server that serves somebody.
  const least = maxConnections >= 2 ? 1 : 0;
  const share = Math.max(least, Math.floor(maxConnections * RESERVED_SHARE));
  const reserved = reservedConnections ?? Math.min(MOST_RESERVED, share);
  return {
    maxConnections,
    reserved: isAuthOn ? reserved : 0,
    perPrincipal: maxConnectionsPerPrincipal ?? Math.ceil(maxConnections * PRINCIPAL_SHARE),
  };
}
