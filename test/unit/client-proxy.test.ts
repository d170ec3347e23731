import assert from 'node:assert/strict';
import { proxyFor } from '../../client/proxy.ts';

const http_proxy = 'http://proxy.test:3128';

describe('proxyFor()', () => {
  it('answers the proxy that the environment names', () => {
    assert.equal(proxyFor('far.test:50051', { http_proxy }), 'proxy.test:3128');
    assert.equal(proxyFor('far.test:50051', { https_proxy: 'http://user:word@other' }), 'other:80');
    for (const env of [{}, { http_proxy: '' }, { http_proxy: 'proxy' }, { http_proxy: 'socks5://proxy.test:1' }]) {
      assert.equal(proxyFor('far.test:50051', env), null);
    }
  });

  it('leaves loopback addresses and sockets alone', () => {
    const near = ['localhost:1', 'a.localhost:1', 'LOCALHOST:1', '127.0.0.1:1', '127.9.9.9:1', '[::1]:1', '0.0.0.0:1'];
    for (const server of [...near, '[::ffff:127.0.0.1]:1', 'unix:/run/a.sock']) {
      assert.equal(proxyFor(server, { http_proxy }), null, server);
    }
    for (const server of ['localhost.test:1', '128.0.0.1:1']) assert.ok(proxyFor(server, { http_proxy }), server);
  });

  const exceptions: readonly [string, string, boolean][] = [
    ['far.test', 'far.test:1', true],
    ['FAR.test', 'far.TEST:1', true],
    ['far.test', 'a.far.test:1', true],
    ['far.test', 'afar.test:1', false],
    ['.far.test', 'a.far.test:1', true],
    ['*.far.test', 'a.far.test:1', true],
    ['far.test:1', 'far.test:1', true],
    ['far.test:2', 'far.test:1', false],
    ['near.test, far.test ', 'far.test:1', true],
    ['near.test far.test', 'far.test:1', true],
    ['near.test,', 'far.test:1', false],
    ['*', 'far.test:1', true],
    ['10.0.0.0/8', '10.1.2.3:1', true],
    ['10.0.0.0/8', '11.1.2.3:1', false],
    ['10.0.0.0/99', '10.1.2.3:1', false],
    ['10.1.2.3', '10.1.2.3:1', true],
    ['2.3', '10.1.2.3:1', false],
    ['fd00::1', '[fd00::1]:1', true],
    ['[fd00::1]:1', '[fd00::1]:1', true],
    ['[fd00::1]:2', '[fd00::1]:1', false],
    ['fd00::/8', '[fd00::1]:1', true],
  ];
  for (const [list, server, isDirect] of exceptions) {
    it(`${isDirect ? 'goes straight' : 'uses the proxy'} to ${server} with ${JSON.stringify(list)}`, () => {
      for (const name of ['no_proxy', 'NO_PROXY', 'no_grpc_proxy']) {
        assert.equal(proxyFor(server, { http_proxy, [name]: list }), isDirect ? null : 'proxy.test:3128', name);
      }
    });
  }
});
