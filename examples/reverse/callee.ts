import { ContactError, createWorker } from 'contactd';
import { Calculate } from './gen/calculate_pb.ts';
import { Greeter } from './gen/helloworld_pb.ts';
import { OrderHandler } from './gen/orders_pb.ts';
import { UserRecommend } from './gen/recommend_pb.ts';
import { RouteGuide } from './gen/route_guide_pb.ts';

// node examples/reverse/callee.ts [HOST:PORT] [CLIENT_ID] — serves five services that callers reach through contact.

const worker = createWorker({
  server: process.argv[2] ?? '127.0.0.1:50051',
  clientId: process.argv[3] ?? 'typescript',
});

worker.serve(Greeter, { sayHello: ({ name }) => ({ message: `Hello, ${name}!` }) });

worker.serve(OrderHandler, {
  create_order({ user, items }) {
    const sorted = Object.entries(items).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const total = sorted.reduce((sum, [, count]) => sum + count, 0n);
    // Numbers of JSON; those beyond 2^53 would need another form.
    const counts = Object.fromEntries(sorted.map(([name, count]) => [name, Number(count)]));
    return { json: JSON.stringify({ items: counts, total: Number(total), user }) };
  },
});

worker.serve(Calculate, { square: ({ value }) => ({ value: value ** 2 }) });

worker.serve(UserRecommend, {
  user_recommend({ seen }) {
    const items = [0n, 1n, 2n].map((n) => {
      const id = 2n ** 53n + 1n + n;
      const reasons = seen.includes(id) ? ['seen before'] : [];
      return { id, name: `item ${n}`, score: { value: Number(n) / 2, reasons } };
    });
    return { items };
  },
});

worker.serve(RouteGuide, {
  getFeature(location) {
    // What is thrown with a code of gRPC is the status that the caller gets.
    if (location.latitude === 0) throw new ContactError('NOT_FOUND', 'nothing at 0°');
    return { name: 'Berkshire Valley', location };
  },
  async *listFeatures({ lo, hi }) {
    for (let latitude = lo?.latitude ?? 0; latitude <= (hi?.latitude ?? 0); latitude += 1) {
      yield { name: `at ${latitude}`, location: { latitude } };
    }
  },
  async recordRoute(points) {
    const summary = { pointCount: 0, featureCount: 0 };
    for await (const { latitude } of points) {
      summary.pointCount += 1;
      if (latitude % 2 === 0) summary.featureCount += 1;
    }
    return summary;
  },
  async *routeChat(notes) {
    for await (const { location, message } of notes) yield { ...(location && { location }), message: `re: ${message}` };
  },
});

worker.status$.subscribe(({ state }) => console.error(state));
await worker.connected();
console.log('serving');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void worker.drain());
await worker.finished;
