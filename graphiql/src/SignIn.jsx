import * as session from "./session.js";

/** The page for those who must sign in first. */
export function SignIn({ message, how }) {
  return (
    <main className="contacts-card">
      <h1>Contacts</h1>
      {message && <p role="alert">{message}</p>}
      {how === "provider" ? <ProviderButton /> : <TokenForm />}
    </main>
  );
}

function ProviderButton() {
  return (
    <>
      <p>Sign in with your company account to use GraphiQL.</p>
      <button type="button" onClick={session.signIn}>
        Sign in
      </button>
    </>
  );
}

function TokenForm() {
  const submit = (event) => {
    event.preventDefault();
    session.useToken(new FormData(event.target).get("token"));
  };
  return (
    <form onSubmit={submit}>
      <label>
        Access token
        <input name="token" type="password" autoComplete="off" spellCheck="false" required />
      </label>
      <p>Paste an access token for this service. It is forgotten when you close or reload the page.</p>
      <button type="submit">Use token</button>
    </form>
  );
}

/** Who is signed in, and the way out. */
export function Account({ user }) {
  return (
    <span className="contacts-account">
      <span>{user.role ? `${user.name} · ${user.role}` : user.name}</span>
      <button type="button" onClick={session.signOut}>
        Sign out
      </button>
    </span>
  );
}

/** What the service said about the sign-in, above the editor. */
export function Notice({ text, canSignIn }) {
  return (
    <p className="contacts-notice" role="alert">
      {text}
      {canSignIn && (
        <button type="button" onClick={session.signIn}>
          Sign in
        </button>
      )}
    </p>
  );
}
