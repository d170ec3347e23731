import type { System } from '../system.ts';
import { contact } from './contact.ts';
import { rawMemory, rawSqlite } from './raw.ts';

/** In the order of the tables. */
export const SYSTEMS: readonly System[] = [contact, rawSqlite, rawMemory];

/** Throws: there is none of that name. */
export function findSystem(name: string): System {
  const found = SYSTEMS.find((system) => system.name === name);
  if (!found) throw new Error(`no system \`${name}\`; there are: ${SYSTEMS.map((system) => system.name).join(', ')}`);
  return found;
}
