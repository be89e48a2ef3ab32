// Usage: node trusted.mjs URL FOLDER
// Runs what GraphQL Code Generator generated in a folder, as its documentation says: by the hash of each document.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { person, report } from './operations.mjs';

const [url, folder] = process.argv.slice(2);
const options = { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } };
const made = `${folder}/trusted.graphql.mjs`;
writeFileSync(made, ts.transpileModule(readFileSync(`${folder}/graphql.ts`, 'utf8'), options).outputText);
const { AddDocument, PeopleDocument } = await import(pathToFileURL(made));

async function execute(document, variables) {
  const body = JSON.stringify({ documentId: document.__meta__.hash, variables });
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return response.json();
}

const created = await execute(AddDocument, { input: person });
const listed = await execute(PeopleDocument, { first: 10 });
report({ created: created.data.createContact.__typename, listed: listed.data.contacts.totalCount });
