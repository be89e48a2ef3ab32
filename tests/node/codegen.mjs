// Usage: node codegen.mjs FOLDER
// Generates the TypeScript types of the committed schema and of operations.graphql into a folder, and the documents by hash.
import { fileURLToPath } from 'node:url';
import { generate } from '@graphql-codegen/cli';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

await generate(
  {
    schema: path('../../schema/schema.graphql'),
    documents: path('operations.graphql'),
    generates: {
      [`${process.argv[2]}/`]: {
        preset: 'client',
        presetConfig: { fragmentMasking: false, persistedDocuments: true },
        config: { scalars: { DateTime: 'string' }, useTypeImports: true },
      },
    },
    silent: true,
  },
  true,
);
