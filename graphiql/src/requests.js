import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { createClient } from "graphql-ws";

import * as session from "./session.js";

const endpoint = new URL(location.pathname, location.href);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

/** Runs operations: over HTTP, and subscriptions over WebSockets. */
export const fetcher = (operation, options) =>
  createGraphiQLFetcher({
    url: endpoint.href,
    fetch: signed,
    wsClient: socketClient(options?.headers),
    enableIncrementalDelivery: false,
  })(operation, options);

/** A request with the token of the sign-in, or with the one that the user typed for this operation. */
async function signed(address, request) {
  if (has(request.headers, "authorization")) return fetch(address, request);
  const response = await session.request(address, request);
  if (response.status === 401) session.end(await session.reason(response));
  return response;
}

/** Subscriptions with that token. Headers typed for an operation are also sent as connection parameters. */
function socketClient(headers) {
  const typed = has(headers, "authorization");
  const client = createClient({
    url: socket.href,
    connectionParams: async () => ({ ...(!typed && (await session.authorization())), ...headers }),
    shouldRetry: (event) => event instanceof CloseEvent && !isRefusal(event),
  });
  return { subscribe: (operation, sink) => subscribed(client, operation, sink, typed) };
}

/** A subscription that goes on with a new token when the old one has expired. Returns a function that ends it. */
function subscribed(client, operation, sink, typed) {
  let unsubscribe;
  let ended = false;
  let renewed = false;
  const next = (result) => {
    renewed = false;
    sink.next(result);
  };
  const error = async (event) => {
    if (typed || !isRefusal(event)) return sink.error(event);
    if (!renewed && (renewed = await session.renew())) return ended || begin();
    session.end(event.reason);
    return sink.error(event);
  };
  const begin = () => {
    unsubscribe = client.subscribe(operation, { next, error, complete: () => sink.complete() });
  };
  begin();
  return () => {
    ended = true;
    unsubscribe();
  };
}

const isRefusal = (event) => event instanceof CloseEvent && (event.code === 4401 || event.code === 4403);

const has = (headers, name) => Object.keys(headers ?? {}).some((each) => each.toLowerCase() === name);
