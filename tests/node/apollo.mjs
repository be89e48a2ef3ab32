// Usage: node apollo.mjs URL
// Queries and mutations over HTTP, subscriptions over a WebSocket, as Apollo's documentation sets it up.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { firstValueFrom } from 'rxjs';
import WebSocket from 'ws';
import { Add, Changes, Figures, People, person, report } from './operations.mjs';

const url = process.argv[2];
const socket = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: url }),
  ),
});

const told = firstValueFrom(client.subscribe({ query: Changes, variables: {} }));
const before = await firstValueFrom(client.subscribe({ query: Figures }));
const created = await client.mutate({ mutation: Add, variables: { input: person } });
const change = await told;
const listed = await client.query({ query: People, variables: { first: 10 } });
let refused;
try {
  await client.query({ query: People, variables: { first: 1_000 } });
} catch (error) {
  refused = error.errors[0].message;
}
report({ before: before.data, created: created.data, told: change.data, listed: listed.data, refused });
client.stop();
await socket.dispose();
