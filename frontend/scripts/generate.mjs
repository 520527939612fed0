// Writes src/api/generated/schema.ts from openapi.json, which is written by a command of the back end.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const document = new URL('../openapi.json', import.meta.url);
const generated = new URL('../src/api/generated/', import.meta.url);

if (!existsSync(document)) {
  console.error('frontend/openapi.json is missing. Write it from the root of the repository with');
  console.error('  .venv/bin/python -m dev.openapi > frontend/openapi.json');
  process.exit(1);
}

// A default makes a field of a request optional; what is always in an answer is marked as required.
const types = await openapiTS(document, { alphabetize: true, defaultNonNullable: false });
await mkdir(generated, { recursive: true });
await writeFile(new URL('schema.ts', generated), astToString(types));
