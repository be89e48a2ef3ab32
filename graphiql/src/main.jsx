import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./page.css";

import { GraphiQL } from "graphiql";
import { useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";

import { exampleTabs } from "./examples.js";
import { fetcher } from "./requests.js";
import * as session from "./session.js";
import { Account, Notice, SignIn } from "./SignIn.jsx";
import { persistHeaders, storage } from "./storage.js";

function Page() {
  const { step, user, notice, canSignIn, message, how } = useSyncExternalStore(session.subscribe, session.current);
  if (step === "starting") return null;
  if (step === "signed-out") return <SignIn message={message} how={how} />;
  return (
    <div className="contacts-page">
      {notice && <Notice text={notice} canSignIn={canSignIn} />}
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
        <GraphiQL.Logo>
          Contacts
          {user && <Account user={user} />}
        </GraphiQL.Logo>
      </GraphiQL>
    </div>
  );
}

createRoot(document.getElementById("root")).render(<Page />);
session.start();
