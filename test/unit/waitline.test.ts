import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Place, Waitline } from '../../shared/waitline.ts';

describe('Waitline', () => {
  it('lets out who came first, whoever has left in between, as a plain list does', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant('add' as const), fc.nat({ max: 30 }))), (acts) => {
        const line = new Waitline<number>();
        const places: Place<number>[] = [];
        for (const [at, act] of acts.entries()) {
          if (act === 'add') places.push(line.add(at));
          else if (places.length > 0) line.leave(places.splice(act % places.length, 1)[0]!);
          assert.deepEqual([line.size, line.oldest], [places.length, places[0]?.of]);
        }
      }),
    );
  });
});
