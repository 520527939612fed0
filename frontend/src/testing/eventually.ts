import { vi } from 'vitest';

/** Until `assertion` holds, on a busy machine too: what it is about tells when it is there, and the limit only ends a hung test. */
export const eventually = (assertion: () => void) => vi.waitFor(assertion, { timeout: 10_000 });
