// A list that grows as one scrolls, and a contact's reports, as Relay writes them.
import { graphql } from 'relay-runtime';

export const list = graphql`
  fragment ContactList_query on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" })
  @refetchable(queryName: "ContactListPaginationQuery") {
    contacts(first: $count, after: $cursor) @connection(key: "ContactList_contacts") {
      edges {
        node {
          id
          displayName
        }
      }
    }
  }
`;

export const contact = graphql`
  fragment ContactList_contact on Contact
  @argumentDefinitions(count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" })
  @refetchable(queryName: "ContactListReportsQuery") {
    displayName
    directReports(first: $count, after: $cursor) @connection(key: "ContactList_directReports") {
      edges {
        node {
          id
        }
      }
    }
  }
`;

export const query = graphql`
  query ContactListQuery($id: ID!) {
    ...ContactList_query
    node(id: $id) {
      ...ContactList_contact @alias(as: "contact")
    }
  }
`;

export const changes = graphql`
  subscription ContactListSubscription {
    contactChanged {
      action
      contactId
      contact {
        ...ContactList_contact
      }
    }
  }
`;
