// Usage: node apollo_persisted.mjs URL
// Apollo's automatic persisted queries: two clients run a query, one of them by GET, and then a mutation.
import { createHash } from 'node:crypto';
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Add, People, person, report } from './operations.mjs';

const url = process.argv[2];
const sent = [];

// What a client sends: the method, and whether the document is included.
async function recording(target, options) {
  const text = options.method === 'GET' ? new URL(target).search : options.body;
  sent.push(`${options.method} ${/query=|"query":/.test(text) ? 'document' : 'hash'}`);
  return fetch(target, options);
}

function client(useGETForHashedQueries) {
  const sha256 = (query) => createHash('sha256').update(query).digest('hex');
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries });
  return new ApolloClient({ cache: new InMemoryCache(), link: link.concat(new HttpLink({ uri: url, fetch: recording })) });
}

const lists = [];
for (const useGET of [false, true]) {
  const { data } = await client(useGET).query({ query: People, variables: { first: 10 } });
  lists.push(data.contacts.totalCount);
}
const created = await client(true).mutate({ mutation: Add, variables: { input: person } });
report({ sent, lists, created: created.data.createContact.__typename });
