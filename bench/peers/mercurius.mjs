import Fastify from 'fastify';
import mercurius from 'mercurius';
import { loaders, resolvers, typeDefs } from './contacts.mjs';

const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers, loaders, jit: 1, path: '/' });
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
