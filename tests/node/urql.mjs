// Usage: node urql.mjs URL
// Queries and mutations over HTTP, subscriptions over a WebSocket, as urql's documentation sets it up.
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Add, Changes, Figures, People, person, report } from './operations.mjs';

const url = process.argv[2];
const socket = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
const client = new Client({
  url,
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, sink) }),
      }),
    }),
  ],
});

// The first result of a subscription, and the way to end it.
function first(document, variables) {
  let end;
  const result = new Promise((resolve) => {
    end = client.subscription(document, variables).subscribe(resolve).unsubscribe;
  });
  return { result, end };
}

const changes = first(Changes, {});
const figures = first(Figures, {});
const before = await figures.result;
const created = await client.mutation(Add, { input: person });
const told = await changes.result;
const listed = await client.query(People, { first: 10 });
const refused = await client.query(People, { first: 1_000 });
report({
  before: before.data,
  created: created.data,
  told: told.data,
  listed: listed.data,
  refused: refused.error.graphQLErrors[0].message,
});
changes.end();
figures.end();
await socket.dispose();
