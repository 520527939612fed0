import createClient, { type Client } from 'openapi-fetch';
import type { paths } from './generated/schema';
import { ApiProblem, ApiUnreachable } from './problems';
import type { Problem } from './types';

/** Gives access tokens; `stale` is one that the API just refused. Null: nobody is signed in. */
export type AccessTokens = (stale?: string) => Promise<string | null>;

export type Api = Client<paths>;

/** The typed client of the API. A call that is refused with 401 is made once more, with a fresh token. */
export function createApi(baseUrl: string, accessToken: AccessTokens): Api {
  return createClient<paths>({
    baseUrl,
    fetch: async (request) => {
      const again = request.clone();
      const token = await accessToken();
      const response = await send(request, token);
      if (response.status !== 401 || token === null) return response;
      const renewed = await accessToken(token);
      return renewed === null ? response : send(again, renewed);
    },
  });
}

async function send(request: Request, token: string | null): Promise<Response> {
  if (token !== null) request.headers.set('Authorization', `Bearer ${token}`);
  return reach(request);
}

export async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiUnreachable(error);
  }
}

/** The body of a successful answer; otherwise throws the problem that was answered. */
export async function dataOf<Data>(
  call: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Data> {
  const { data, error, response } = await call;
  if (response.ok) return data as Data;
  throw new ApiProblem(response.status, problemOf(error));
}

function problemOf(error: unknown): Partial<Problem> {
  return typeof error === 'object' && error !== null ? error : {};
}
