// Usage: node vite.mjs FOLDER
// Vite's development server with the vite.config.js of a folder, until its standard input ends. Prints its address.
import { createServer } from '../../graphiql/node_modules/vite/dist/node/index.js';

const root = process.argv[2];
const server = await createServer({
  root,
  configFile: `${root}/vite.config.js`,
  cacheDir: `${root}/.vite`,
  logLevel: 'error',
  server: { host: '127.0.0.1', port: 0 },
});
await server.listen();
console.log(JSON.stringify({ url: `http://127.0.0.1:${server.httpServer.address().port}` }));
process.stdin.on('end', () => process.exit()).resume();
