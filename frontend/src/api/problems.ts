import type { Problem } from './types';

/** What the API answered when it could not do what was asked. */
export class ApiProblem extends Error {
  readonly status: number;
  /** The last part of the problem's type, such as `email_taken`. */
  readonly code: string;
  readonly fieldErrors: readonly { field: string; message: string }[];
  readonly requestId: string | null;

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.title ?? `The server answered ${status}.`);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = problem.type?.split('/').at(-1) ?? '';
    this.fieldErrors = problem.errors ?? [];
    this.requestId = problem.request_id ?? null;
  }
}

/** The request never got an answer: no network, no server, or no permission to ask (CORS). */
export class ApiUnreachable extends Error {
  constructor(cause: unknown) {
    super('The server cannot be reached.', { cause });
    this.name = 'ApiUnreachable';
  }
}

export async function problemFrom(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => null);
  return new ApiProblem(response.status, isObject(body) ? body : {});
}

/** The error of each field, by its name; what belongs to no field of the form is under the empty name. */
export function fieldErrors(error: unknown, fields: readonly string[]): Record<string, string> {
  if (!(error instanceof ApiProblem)) return {};
  const found: Record<string, string> = {};
  for (const { field, message } of error.fieldErrors) {
    const name = field.split('.').at(-1) ?? '';
    found[fields.includes(name) ? name : ''] ??= message;
  }
  return found;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong.';
}

export function isUnauthenticated(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 401;
}

/** Asking again cannot help with an error of the asker (4xx), except "too early", "too many" and "timed out". */
export function isWorthRetrying(error: unknown): boolean {
  if (error instanceof ApiProblem) return error.status >= 500 || [408, 425, 429].includes(error.status);
  return true;
}

function isObject(value: unknown): value is Partial<Problem> {
  return typeof value === 'object' && value !== null;
}
