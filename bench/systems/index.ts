import type { System } from '../system.ts';
import { beanstalkd } from './beanstalkd.ts';
import { bullmq } from './bullmq.ts';
import { contact, contactDurable } from './contact.ts';
import { direct } from './direct.ts';
import { graphile } from './graphile.ts';
import { nats } from './nats.ts';
import { contactTls, contactToken, contactTraced, contactUntraced } from './parts.ts';
import { pgBoss } from './pgboss.ts';
import { rabbitClassic, rabbitQuorum } from './rabbitmq.ts';
import { rawMemory, rawSqlite } from './raw.ts';

export const SYSTEMS: readonly System[] = [
  contact,
  contactDurable,
  direct,
  rawSqlite,
  rawMemory,
  rabbitClassic,
  rabbitQuorum,
  pgBoss,
  graphile,
  bullmq,
  nats,
  beanstalkd,
  contactToken,
  contactTls,
  contactUntraced,
  contactTraced,
];

/** Throws: there is none of that name. */
export function findSystem(name: string): System {
  const found = SYSTEMS.find((system) => system.name === name);
  if (!found) throw new Error(`no system \`${name}\`; there are: ${SYSTEMS.map((system) => system.name).join(', ')}`);
  return found;
}
