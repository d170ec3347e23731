import type { Logger } from '../../shared/logger.ts';
import type { Gate } from './gate.ts';

/** The same gate, which tells a log of everybody whom it does not let in. The log has to keep its pace by itself. */
export function tellRefusals(gate: Gate, log: Logger): Gate {
  return {
    ...gate,
    decide(stream, headers, admit, refuse) {
      gate.decide(stream, headers, admit, (error) => {
        const { remoteAddress, remotePort } = stream.session?.socket ?? {};
        const peer = remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
        const method = String(headers[':path']).slice(0, 256);
        log.warn({ peer, method, code: error.code, reason: error.advice?.reason }, 'call refused');
        refuse(error);
      });
    },
  };
}
