// The resolvers of both Node peers: our documents with the names in our schema.
import { MongoClient } from 'mongodb';

const { BENCH_URI, BENCH_DATABASE } = process.env;
const db = (await MongoClient.connect(BENCH_URI)).db(BENCH_DATABASE);

export const typeDefs = `
  type Address { street: String city: String state: String country: String postalCode: String }
  type Group { id: ID! displayName: String! memberCount: Int! }
  type GroupConnection { nodes: [Group!]! }
  type Contact {
    id: ID! displayName: String! emailAddress: String! company: String jobTitle: String department: String
    businessPhone: String mobilePhone: String source: String! gal: String! address: Address
    manager: Contact groups: GroupConnection!
  }
  type Edge { cursor: String! node: Contact! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type ContactConnection { edges: [Edge!]! pageInfo: PageInfo! }
  input ContactFilter { source: String }
  type Query { contacts(first: Int! filter: ContactFilter): ContactConnection! }`;

async function contacts(_, { first, filter }) {
  const query = { source: filter.source, gal: { $in: ['VISIBLE', 'HIDDEN'] } };
  const options = { sort: { 'keys.name': 1 }, limit: first + 1, batchSize: first + 2, projection: { 'keys.words': 0, 'keys.facets': 0 } };
  const found = await db.collection('contacts').find(query, options).toArray();
  const edges = found.slice(0, first).map((node) => ({ cursor: Buffer.from(node.keys.name).toString('base64url'), node }));
  return { edges, pageInfo: { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor } };
}

export const resolvers = { Query: { contacts }, Contact: { id: (contact) => contact._id }, Group: { id: (group) => group._id } };

async function byId(collection, ids) {
  const found = await db.collection(collection).find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
  return new Map(found.map((document) => [document._id, document]));
}

// Mercurius' loaders: one query for all contacts of a page.
export const loaders = {
  Contact: {
    async manager(queries) {
      const found = await byId('contacts', [...new Set(queries.map(({ obj }) => obj.managerId).filter(Boolean))]);
      return queries.map(({ obj }) => found.get(obj.managerId) ?? null);
    },
    async groups(queries) {
      const found = await byId('groups', [...new Set(queries.flatMap(({ obj }) => obj.groupIds ?? []))]);
      return queries.map(({ obj }) => ({ nodes: (obj.groupIds ?? []).map((id) => found.get(id)).filter(Boolean) }));
    },
  },
};
