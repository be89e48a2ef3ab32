import * as oauth from "oauth4webapi";

// What must survive the way to the provider and back, for this one sign-in.
const PENDING = "contacts:sign-in";
const PATIENCE = 3_000;
const CALLBACK = new URL(location.pathname, location.origin).href;

/** The OpenID Connect provider that the service trusts, for signing in with authorization code and PKCE. */
export class Provider {
  #server;
  #client;
  #scope;
  #options;

  /** Read the provider's own description. `metadata` is the service's (RFC 9728). */
  static async discover(metadata) {
    const issuer = new URL(metadata.authorization_servers[0]);
    // The service accepts http from providers on loopback addresses only.
    const options = { [oauth.allowInsecureRequests]: issuer.protocol === "http:" };
    const provider = new Provider();
    provider.#server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
    provider.#client = { client_id: metadata.contacts_client_id };
    // `openid` is what makes it a sign-in.
    provider.#scope = [...new Set(["openid", ...metadata.contacts_scope.split(" ")])].join(" ");
    provider.#options = options;
    return provider;
  }

  /** Leave for the provider's page. With `again`, it asks who signs in even if someone is signed in there. */
  async leave(again) {
    const pending = {
      verifier: oauth.generateRandomCodeVerifier(),
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
    };
    sessionStorage.setItem(PENDING, JSON.stringify(pending));
    const parameters = {
      client_id: this.#client.client_id,
      redirect_uri: CALLBACK,
      response_type: "code",
      scope: this.#scope,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: "S256",
      ...(again && { prompt: "login" }),
    };
    const page = new URL(this.#server.authorization_endpoint);
    Object.entries(parameters).forEach(([name, value]) => page.searchParams.set(name, value));
    location.assign(page);
  }

  /** The tokens for the parameters with which the provider sent the browser back. They work once. */
  async exchange(answer) {
    const { state, nonce, verifier } = taken();
    const checked = oauth.validateAuthResponse(this.#server, this.#client, answer, state);
    const response = await oauth.authorizationCodeGrantRequest(
      this.#server,
      this.#client,
      oauth.None(),
      checked,
      CALLBACK,
      verifier,
      this.#options,
    );
    return tokens(
      await oauth.processAuthorizationCodeResponse(this.#server, this.#client, response, {
        expectedNonce: nonce,
        requireIdToken: true,
      }),
    );
  }

  /** New tokens for those that are about to expire, or have expired. */
  async renew({ refresh, name }) {
    const response = await oauth.refreshTokenGrantRequest(
      this.#server,
      this.#client,
      oauth.None(),
      refresh,
      this.#options,
    );
    const renewed = tokens(await oauth.processRefreshTokenResponse(this.#server, this.#client, response));
    return { ...renewed, refresh: renewed.refresh ?? refresh, name: renewed.name ?? name };
  }

  /** Ask the provider to forget the sign-in, if it can. */
  async revoke({ refresh }) {
    if (refresh && this.#server.revocation_endpoint) {
      const options = { ...this.#options, signal: AbortSignal.timeout(PATIENCE) };
      await oauth.revocationRequest(this.#server, this.#client, oauth.None(), refresh, options);
    }
  }
}

/** The parameters with which the provider sent the browser back to this page, removed from the address; or null. */
export function takeAnswer() {
  const parameters = new URLSearchParams(location.search);
  if (!parameters.has("state") || !(parameters.has("code") || parameters.has("error"))) return null;
  history.replaceState(null, "", location.pathname);
  return parameters;
}

function taken() {
  const pending = JSON.parse(sessionStorage.getItem(PENDING));
  sessionStorage.removeItem(PENDING);
  if (!pending) throw new Error("This sign-in was not started in this tab, or has been used already. Sign in again.");
  return pending;
}

function tokens(result) {
  const claims = oauth.getValidatedIdTokenClaims(result);
  return {
    access: result.access_token,
    refresh: result.refresh_token,
    expiresAt: Date.now() + (result.expires_in ?? Infinity) * 1000,
    name: claims && (claims.name ?? claims.preferred_username ?? claims.email ?? claims.sub),
  };
}

/** What went wrong, then what to do. */
export function explain(error) {
  if (error instanceof oauth.AuthorizationResponseError) {
    return `The sign-in was refused: ${said(error)} Sign in again, or ask your administrator.`;
  }
  if (error instanceof oauth.ResponseBodyError) {
    return `The provider issued no token: ${said(error)} Ask your administrator to check that ${CALLBACK} is registered there as a single-page application.`;
  }
  if (error instanceof oauth.OperationProcessingError && /state/.test(error.message)) {
    return "This answer does not belong to the sign-in that was started in this tab. Sign in again.";
  }
  if (error instanceof oauth.OperationProcessingError) {
    return `The provider's answer is not as expected: ${error.message}. Sign in again, or ask your administrator.`;
  }
  // This is all that browsers reveal about a failed request.
  if (error instanceof TypeError) {
    return `The provider cannot be reached from this page. Check your connection, and that the provider allows requests from ${location.origin} (CORS).`;
  }
  return error.message;
}

function said({ error, error_description: description }) {
  return `${description ?? error}`.replace(/\.?$/, ".");
}
