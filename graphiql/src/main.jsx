import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./page.css";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import { exampleTabs } from "./examples.js";
import { persistHeaders, storage } from "./storage.js";

const endpoint = new URL(location.pathname, location.href);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

// Headers typed for an operation are also sent as the connection parameters of a subscription.
const fetcher = createGraphiQLFetcher({
  url: endpoint.href,
  subscriptionUrl: socket.href,
  enableIncrementalDelivery: false,
});

createRoot(document.getElementById("root")).render(
  <GraphiQL
    fetcher={fetcher}
    storage={storage}
    defaultTabs={exampleTabs}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={persistHeaders}
    showPersistHeadersSettings
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>Contacts</GraphiQL.Logo>
  </GraphiQL>,
);
