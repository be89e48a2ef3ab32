// What a frontend does with the generated types; tsc checks it beside them.
import type { AddMutation, AddMutationVariables, ChangesSubscription, PeopleQuery } from './graphql';

export const input: AddMutationVariables = {
  input: { firstName: 'Ada', lastName: 'Lovelace', displayName: 'Ada Lovelace', emailAddress: 'ada@partner.example' },
};

export function outcome({ createContact: result }: AddMutation): string {
  switch (result.__typename) {
    case 'CreateContactSuccess':
      return result.contact.displayName;
    case 'InvalidInput':
      return result.fields.map(({ field }) => field).join(', ');
    default:
      return result.message;
  }
}

export function names(people: PeopleQuery): string[] {
  return people.contacts.edges.map(({ node }) => node.manager?.displayName ?? node.displayName);
}

export function line({ contactChanged: change }: ChangesSubscription): string {
  return `${change.action} ${change.contact?.displayName ?? change.contactId}`;
}
