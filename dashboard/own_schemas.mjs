// Keeps of an OpenAPI document the schemas that the platform's own routes use: `own_schemas.mjs FILE`.
// Routes that speak a vendor's protocol have many more, which no page needs.

import { readFileSync, writeFileSync } from "node:fs";

const file = process.argv[2];
const document = JSON.parse(readFileSync(file, "utf8"));
const foreign = /^\/(?!v1\/)|^\/v1\/(chat|responses|messages|embeddings)\b/;
const reference = "#/components/schemas/";
const kept = {};

function keep(value) {
  if (value === null || typeof value !== "object") return;
  const name = typeof value.$ref === "string" && value.$ref.startsWith(reference) && value.$ref.slice(reference.length);
  if (name && !(name in kept)) {
    kept[name] = document.components.schemas[name];
    keep(kept[name]);
  }
  Object.values(value).forEach(keep);
}

for (const [path, operations] of Object.entries(document.paths)) if (!foreign.test(path)) keep(operations);
const { openapi, info } = document;
writeFileSync(file, JSON.stringify({ openapi, info, paths: {}, components: { schemas: kept } }));
