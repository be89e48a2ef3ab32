// Usage: node audit.mjs URL
// Runs every audit of the GraphQL-over-HTTP specification, and prints those that fail and how many there are.
import { auditServer } from 'graphql-http';
import { report } from './operations.mjs';

const results = await auditServer({ url: process.argv[2] });
const failed = results.filter(({ status }) => status !== 'ok').map(({ id, name, reason }) => `${id} ${name}: ${reason}`);
report({ audits: results.length, failed });
