// Usage: node provider.mjs
// An OpenID Connect provider on a free port, until its standard input ends. Prints its issuer as JSON when it listens.
// Everyone in `people` signs in with a name and no password; each of `apps` has its ID with "-secret" as its secret.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { Provider, interactionPolicy } from 'oidc-provider';

// The provider needs Node.js 22 for this alone.
URL.parse ??= (...parts) => (URL.canParse(...parts) ? new URL(...parts) : null);

const AUDIENCE = 'api://contacts';
const SCOPES = 'Contacts.Read Contacts.ReadWrite Contacts.Admin';
const LIFETIME = 3600;
const REDIRECTS = ['127.0.0.1', 'localhost'].flatMap((host) => [`http://${host}/graphql`, `http://${host}/`]);

const people = {
  rita: { name: 'Rita Reader', roles: ['Contacts.Read'] },
  ed: { name: 'Ed Editor', roles: ['Contacts.ReadWrite'] },
  ada: { name: 'Ada Admin', roles: ['Contacts.Admin'] },
  nora: { name: 'Nora Norole' }, // providers leave the claim out if it would be empty
};
const apps = {
  'reader-app': { name: 'Reader app', roles: ['Contacts.Read'] },
  'editor-app': { name: 'Editor app', roles: ['Contacts.ReadWrite'] },
  'admin-app': { name: 'Admin app', roles: ['Contacts.Admin'] },
  'plain-app': { name: 'Plain app' },
};

// A native client may use its loopback redirects with any port (RFC 8252), which tests choose late.
const graphiql = {
  client_id: 'graphiql',
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: REDIRECTS,
};
const script = (id) => ({
  client_id: id,
  client_secret: `${id}-secret`,
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
});

// `consent` below answers for everyone.
const policy = interactionPolicy.base();
policy.remove('consent');

// A test asks for a lifetime with a header. A negative one gives a token that has expired, which the answer denies.
const seconds = (ctx) => Number(ctx.get('x-token-seconds') || LIFETIME);

const configuration = {
  clients: [graphiql, ...Object.keys(apps).map(script)],
  cookies: { keys: [randomUUID()] },
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email'] },
  conformIdTokenClaims: false, // names in the ID token, as from most providers
  pkce: { required: () => true },
  clientBasedCORS: () => true,
  interactions: { policy, url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: (_, id) =>
    id in people && {
      accountId: id,
      claims: () => ({ sub: id, name: people[id].name, preferred_username: id, email: `${id}@contoso.example` }),
    },
  extraTokenClaims: (_, token) => people[token.accountId] ?? apps[token.clientId],
  loadExistingGrant: consent,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, granted) => granted ?? AUDIENCE,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, audience) => ({
        audience,
        scope: SCOPES,
        accessTokenFormat: 'jwt',
        accessTokenTTL: Math.abs(seconds(ctx)),
      }),
    },
  },
  formats: {
    customizers: {
      jwt(ctx, _token, { payload }) {
        if (seconds(ctx) < 0) Object.assign(payload, { iat: payload.iat + 2 * seconds(ctx), exp: payload.iat + seconds(ctx) });
      },
    },
  },
};

/** What a company's administrator does for all users: agree that the client may have what it asks for. */
async function consent(ctx) {
  const { client, session, params, provider } = ctx.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  for (const resource of [params.resource].flat()) grant.addResourceScope(resource, SCOPES);
  await grant.save();
  return grant;
}

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

let keys = [newKey()];
let provider;
const counts = {};

/** The provider reads its keys when it is made. Sessions and tokens are kept outside of it. */
function start() {
  provider = new Provider(issuer, { ...configuration, jwks: { keys } });
  provider.on('server_error', (_, error) => console.error(error));
}

async function signIn(request, response) {
  if (request.method === 'POST') {
    const login = new URLSearchParams(await text(request)).get('login');
    const denied = { error: 'access_denied', error_description: `There is no user ${login}.` };
    await provider.interactionFinished(request, response, login in people ? { login: { accountId: login } } : denied);
    return;
  }
  response.setHeader('Content-Type', 'text/html');
  response.end(`<!doctype html><html lang="en"><title>Contoso sign-in</title><link rel="icon" href="data:,">
    <form method="post"><label>User <input name="login"></label> <button>Sign in</button></form></html>`);
}

/** What tests do: replace the keys, and ask how often a path was requested. */
function control(url, response) {
  if (url.pathname === '/test/keys') {
    keys = [newKey(), ...(url.searchParams.get('keep') === 'yes' ? keys : [])];
    start();
  }
  response.end(JSON.stringify(counts));
}

const server = createServer((request, response) => {
  const url = new URL(request.url, issuer);
  counts[url.pathname] = (counts[url.pathname] ?? 0) + 1;
  if (url.pathname.startsWith('/test/')) control(url, response);
  else if (url.pathname.startsWith('/interaction/')) signIn(request, response);
  else provider.callback()(request, response);
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
start();
console.log(JSON.stringify({ issuer }));
process.stdin.on('end', () => process.exit()).resume();
