// Each examples/N-name.graphql is a tab, in the order of N. N-name.json contains its variables.
const texts = import.meta.glob("../examples/*", { query: "?raw", import: "default", eager: true });

export const exampleTabs = Object.keys(texts)
  .filter((path) => path.endsWith(".graphql"))
  .sort()
  .map((path) => ({ query: texts[path], variables: texts[path.replace(/\.graphql$/, ".json")] }));
