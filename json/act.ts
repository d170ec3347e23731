import { type Act, ActKindSchema } from '../gen/contact/v1/admin_service_pb.ts';
import { knownInstant } from './instant.ts';
import { type Json, someText } from './plain.ts';
import { limitsToJson, retentionToJson } from './queue.ts';
import { wordOf } from './word.ts';

/** What somebody has ordered. */
export function actToJson(act: Act): Json {
  const { limits, retention } = act;
  return {
    kind: wordOf(ActKindSchema, act.kind),
    firstAt: knownInstant(act.firstAt),
    at: knownInstant(act.at),
    by: act.by,
    queue: someText(act.queue),
    client: someText(act.clientId),
    credential: someText(act.credentialId),
    principal: someText(act.principal),
    count: Number(act.count),
    tasks: act.taskIds,
    reason: someText(act.reason),
    limits: limits && limitsToJson(limits),
    retention: retention && retentionToJson(retention),
  };
}
