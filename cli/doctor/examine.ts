import { checkCertificates } from './certificatecheck.ts';
import type { Facts, ServerFacts } from './facts.ts';
import { checkFiles, STORE_CHECKS } from './filecheck.ts';
import { type Finding, ok, wrong } from './finding.ts';
import { QUEUE_CHECKS } from './queuecheck.ts';
import { SERVER_CHECKS } from './servercheck.ts';

/** All that is to be said of what was found out. */
export function examine({ server, store, files, certificates }: Facts): readonly Finding[] {
  return [
    ...(server ? examineServer(server) : []),
    ...(store ? STORE_CHECKS.flatMap((check) => check(store)) : []),
    ...checkFiles(files),
    ...(certificates ? checkCertificates(certificates) : []),
  ];
}

function examineServer(facts: ServerFacts): readonly Finding[] {
  const { server, outOfReach, fault, refusal, info } = facts;
  if (fault !== undefined) return [wrong('server', fault, 'docs/access.md, TLS')];
  if (outOfReach !== undefined)
    return [wrong('server', `${server} cannot be reached: ${outOfReach}`, 'start it, or say where it is (--server)')];
  if (!info || refusal !== undefined) {
    return [
      wrong(
        'server',
        `${server} answers, and tells no more: ${refusal}`,
        'ask as an operator: --token-file, or the socket of operators beside the store',
      ),
    ];
  }
  const reached = ok('server', `${server} answers in ${Math.ceil(facts.roundTripMs ?? 0)} ms`);
  const found = SERVER_CHECKS.flatMap((check) => check({ ...facts, info }));
  const ofQueues = QUEUE_CHECKS.flatMap((check) => check(facts));
  const quiet = ok('queues', `${facts.queues.length} queues and ${facts.clients.length} clients were looked at`);
  return [reached, ...found, ...(ofQueues.length > 0 ? ofQueues : [quiet])];
}
