// Usage: node graphql_ws.mjs URL
// Everything over one WebSocket: a query, a mutation, two subscriptions.
import { print } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Add, Changes, Figures, People, person, report } from './operations.mjs';

const client = createClient({
  url: process.argv[2].replace('http', 'ws'),
  webSocketImpl: WebSocket,
  retryAttempts: 0,
});
const run = (document, variables) => client.iterate({ query: print(document), variables });
const first = async (results) => (await results.next()).value;

const changes = run(Changes, {});
const figures = run(Figures);
const told = first(changes);
const before = await first(figures);
const created = await first(run(Add, { input: person }));
const after = await first(figures);
const listed = await first(run(People, { first: 10 }));
let refused;
try {
  await first(run(Changes, { filter: 1 }));
} catch (errors) {
  refused = errors[0].message;
}
report({ before: before.data, created: created.data, told: (await told).data, after: after.data, listed: listed.data, refused });
await changes.return();
await figures.return();
await client.dispose();
