import { type Mutant, transport, unit } from './mutant.ts';

/** Who asks over HTTP and must not, what is asked for twice or not at all, and what goes on where nobody waits. */
export const WEB_MUTANTS: readonly Mutant[] = [
  {
    id: 'HTTP: whoever asks is let in',
    file: 'server/web/answer.ts',
    find: 'await exchange.admit(route ? methodPath(route.method) : path)',
    replace: "await exchange.admit('/grpc.health.v1.Health/Check')",
    caughtBy: transport('web-access', 'is nothing at all for who is not known, whatever there is at its path'),
  },
  {
    id: 'HTTP: by any name',
    file: 'server/web/host.ts',
    find: 'hosts.includes(name)) return;',
    replace: 'name !== undefined) return;',
    caughtBy: transport('web-access', 'a host of `evil.example` is answered with 403'),
  },
  {
    id: 'HTTP: from any page',
    file: 'server/web/host.ts',
    find: "origins.includes('*')",
    replace: 'origins !== undefined',
    caughtBy: transport('web-access', 'a page of `https://evil.example` is answered with 403'),
  },
  {
    id: 'HTTP: headers twice',
    file: 'server/web/host.ts',
    find: 'if (seen.has(name)) throw',
    replace: "if (seen.has('')) throw",
    caughtBy: transport('web-access', 'is there once'),
  },
  {
    id: 'HTTP: two requests at a time',
    file: 'server/transport/http1.ts',
    find: '!line || line.isLeaving || line.current',
    replace: '!line || line.isLeaving',
    caughtBy: transport('web-access', 'takes one request after the other, and no other before its answer'),
  },
  {
    id: 'HTTP: silent connections for ever',
    file: 'server/transport/sockets.ts',
    find: 'connections.await(socket);',
    replace: '',
    caughtBy: transport('web-access', 'over which nobody is let in in time is closed, whatever it has said by then'),
  },
  {
    id: 'HTTP: who is revoked reads on',
    file: 'server/transport/web.ts',
    find: 'if (reason) exchange.abort(reason);',
    replace: 'if (reason && exchange.caller === undefined) exchange.abort(reason);',
    caughtBy: transport('web-access', 'ends for who is revoked, an open stream too'),
  },
  {
    id: 'HTTP: the last id counts for nothing',
    file: 'server/web/routes/results.ts',
    find: "lastEventId ?? from ?? 'now'",
    replace: "from ?? lastEventId ?? 'now'",
    caughtBy: transport('web-results', 'are told as they settle, and go on exactly after the last one'),
  },
  {
    id: 'HTTP: a page goes on after what it left out',
    file: 'server/web/page.ts',
    find: 'if (isCut) break reading;',
    replace: 'if (isCut) { cursor = place; break reading; }',
    caughtBy: transport('web-results', 'are told in pages, which end where their bytes do'),
  },
  {
    id: 'HTTP: unknown fields are passed over',
    file: 'server/web/fields.ts',
    find: 'if (!field) throw unknownField(nameOf(name), name, fields);',
    replace: 'if (!field) continue;',
    caughtBy: unit('web-fields', 'refuses {"name":"a","prioriti":1}, naming the field'),
  },
  {
    id: 'HTTP: a body has all the time there is',
    file: 'server/transport/request_body.ts',
    find: 'clock.after(patienceMs(expected ?? maxBytes), () => fail(LATE))',
    replace: 'clock.after(patienceMs(expected ?? maxBytes), () => undefined)',
    caughtBy: unit('request-body', 'gives it the time of what was announced, or of the largest, and no more'),
  },
  {
    id: 'HTTP: a refused body is read to its end',
    file: 'server/transport/exchange.ts',
    find: 'Number(announced) > MAX_DROPPED_BYTES) this.#wire.leave();',
    replace: 'Number(announced) < 0) this.#wire.leave();',
    caughtBy: transport('web', 'gives up a connection rather than read what is refused'),
  },
];
