import type * as z from 'zod';
import * as access from './access.ts';
import { act } from './act.ts';
import * as call from './call.ts';
import * as client from './client.ts';
import { history } from './history.ts';
import { notice } from './notice.ts';
import * as queue from './queue.ts';
import * as result from './result.ts';
import * as server from './server.ts';
import { task } from './task.ts';

/** What lines of stdout are with --json, by command. A command that has the flag has a row. */
export const ROWS: Readonly<Record<string, readonly z.ZodType[]>> = Object.freeze({
  work: [result.outcome],
  expose: [call.exposed],
  enqueue: [result.stored, result.outcome],
  results: [result.result],
  failures: [result.failureGroup],
  acts: [act],
  'tasks list': [task, result.taskCounts],
  'tasks show': [task],
  'tasks watch': [result.taskEvent],
  'tasks cancel': [result.changed, result.taskCounts],
  'tasks retry': [result.changed, result.taskCounts],
  'tasks delete': [result.changed, result.taskCounts],
  'queues list': [queue.queue],
  'queues show': [queue.queueDetail],
  'queues history': [history],
  'queues pause': [queue.queueChange],
  'queues resume': [queue.queueChange],
  'queues purge': [queue.queueChange],
  'queues limit': [queue.queueChange],
  'queues delete': [queue.queueDeletion],
  'queues limits': [queue.limitUse],
  'queues retain': [queue.queueChange],
  'clients list': [client.client],
  'clients show': [client.clientDetail],
  'clients drain': [client.clientChange],
  'clients resume': [client.clientChange],
  'clients disconnect': [client.clientChange],
  'clients forget': [client.clientChange],
  call: [call.callEvent],
  'services list': [call.service, call.method],
  'services describe': [call.symbol, call.template],
  backup: [server.backup],
  restore: [server.restored],
  join: [access.enrolled],
  'join create': [access.newJoin],
  'token create': [access.newToken],
  'token list': [access.credential],
  'token revoke': [access.revocation],
  'token rotate': [access.newToken],
  whoami: [access.caller],
  'config set-profile': [access.profile],
  'config delete-profile': [access.deletedProfile],
  'config use': [access.profile],
  'config list': [access.profile],
  'config show': [access.profile],
  top: [server.snapshot],
  health: [server.health],
  doctor: [server.finding],
  bench: [server.benchReport],
});

/** What lines of stderr are with --json, of every command. */
export const NOTICE: z.ZodType = notice;
