import net from 'node:net';
import tls from 'node:tls';
import { until } from '../scene/until.ts';
import { prepareAttacks, scale } from './attack.ts';

/** The beginning of a ClientHello of 512 bytes. */
const HALF_HELLO = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);

describe('attack by handshakes', () => {
  const attack = prepareAttacks({ isEncrypted: true });

  it('handshakes that begin and never end, whole ones without end, and garbage', async function () {
    await attack(this, async (server) => {
      const sockets = new Set<net.Socket>();
      const keep = (socket: net.Socket): net.Socket => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => sockets.delete(socket));
        return socket;
      };
      const address = { host: '127.0.0.1', port: server.port };
      const words = [Buffer.alloc(0), HALF_HELLO, Buffer.alloc(1_000, 0x16), Buffer.alloc(1_000, 0x50)];
      let shaken = 0;
      const begin = (): void => {
        keep(
          tls.connect({ ...address, rejectUnauthorized: false, ALPNProtocols: ['h2'] }, function (this: tls.TLSSocket) {
            shaken += 1;
            this.destroy();
            if (shaken < scale(200, 5_000)) begin();
          }),
        );
      };
      try {
        for (let n = 0; n < scale(400, 2_000); n++) {
          const socket = keep(net.connect(address));
          socket.resume();
          socket.write(words[n % words.length]!);
        }
        for (let n = 0; n < 20; n++) begin();
        await until('all that was to be shaken was', () => shaken >= scale(200, 5_000));
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });
  });
});
