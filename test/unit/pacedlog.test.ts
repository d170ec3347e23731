import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createPacedLog } from '../../shared/pacedlog.ts';
import { createFakeClock } from '../scene/clock.ts';
import { createLogbook } from '../scene/logbook.ts';

describe('createPacedLog()', () => {
  function createScene() {
    const clock = createFakeClock();
    const book = createLogbook();
    return { clock, book, log: createPacedLog({ logger: book, clock, linesPerSecond: 2, burst: 3 }) };
  }

  it('writes a burst, counts what is beyond by its message, and tells that in one line', () => {
    const { clock, book, log } = createScene();
    for (let n = 0; n < 10; n += 1) log.info({ n }, 'came');
    log.warn({}, 'went');
    assert.deepEqual(book.messages(), ['came', 'came', 'came']);
    clock.advance(1_000);
    assert.deepEqual(book.lines.slice(3), [
      { level: 'warn', message: 'lines were left out: there are too many', unlogged: { came: 7, went: 1 } },
    ]);
  });

  it('goes on at its pace', () => {
    const { clock, book, log } = createScene();
    for (let n = 0; n < 3; n += 1) log.info({}, 'came');
    clock.advance(1_000);
    for (let n = 0; n < 5; n += 1) log.info({}, 'later');
    assert.equal(book.messages().filter((message) => message === 'later').length, 2);
    log.close();
    assert.deepEqual(book.lines.at(-1)!.unlogged, { later: 3 });
    clock.advance(60_000);
    assert.equal(book.lines.length, 6);
  });
});
