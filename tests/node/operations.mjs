// The operations that every client runs, each a document of its own with the fragments it needs.
import { readFileSync } from 'node:fs';
import { parse, separateOperations } from 'graphql';

const file = new URL('operations.graphql', import.meta.url);

export const { People, Add, Changes, Figures } = separateOperations(parse(readFileSync(file, 'utf8')));

// What `Add` creates.
export const person = {
  firstName: 'Ada',
  lastName: 'Lovelace',
  displayName: 'Ada Lovelace',
  emailAddress: 'ada@partner.example',
};

// Prints what a client got, for the test to look at.
export const report = (found) => console.log(JSON.stringify(found));
