import { createLocalStorage } from "@graphiql/toolkit";

// Our own namespace, so that tabs of another GraphiQL on the same host and port are not mixed in.
const local = createLocalStorage({ namespace: "contacts" });

/** Whether the user turned "Persist headers" on. */
export const persistHeaders = local.getItem("graphiql:shouldPersistHeaders") === "true";

/**
 * The browser's storage, without the headers of past operations: a header can contain a bearer token, and GraphiQL's
 * history stores headers even if the user has turned that off.
 */
export const storage = {
  getItem: local.getItem,
  setItem: (key, value) => local.setItem(key, isHistory(key) ? withoutHeaders(value) : value),
  removeItem: local.removeItem,
  clear: () => local.clear(),
  get length() {
    return local.length;
  },
};

function isHistory(key) {
  return key === "graphiql:queries" || key === "graphiql:favorites";
}

function withoutHeaders(history) {
  return JSON.stringify(JSON.parse(history), (name, value) => (name === "headers" ? undefined : value));
}
