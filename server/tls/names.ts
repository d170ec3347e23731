import { hostname, networkInterfaces } from 'node:os';
import { type Address, isCertificateName } from '../../shared/address.ts';

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '::1'];
/** Addresses that stand for all that the machine has. */
const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::', '::0', '[::]']);
const MAX_NAMES = 200;

/**
 * What a certificate has to be for, so that clients may check the server by any way to it: names that were given, the addresses
 * that it listens on (those of the machine, if on all), the name of the machine, and loopback.
 */
export function namesOf(given: readonly string[], listening: readonly Address[]): readonly string[] {
  const names = new Set<string>(given);
  for (const name of LOOPBACK) names.add(name);
  for (const address of listening) {
    if (address.kind === 'port') for (const host of hostsOf(address.host)) names.add(host);
  }
  names.add(hostname().toLowerCase());
  return [...names].filter(isCertificateName).slice(0, MAX_NAMES);
}

/** The addresses that one stands for. @param isForOthers without those that only this machine reaches, if there are others */
export function hostsOf(host: string, isForOthers = false): readonly string[] {
  // The zone of `fe80::1%eth0` means something on this machine alone.
  if (!ANY.has(host)) return [host.replace(/%.*$/, '')];
  const own = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  const outer = own.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  return (isForOthers && outer.length > 0 ? outer : own).map(({ address }) => address.replace(/%.*$/, ''));
}
