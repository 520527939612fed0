export interface Config {
  /** Without a slash at the end. */
  apiBaseUrl: string;
}

/** Where the API is: known when the page is deployed, not when it is built. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch('/config.json', { cache: 'no-store' });
  const config: unknown = response.ok ? await response.json() : null;
  return configFrom(config);
}

export function configFrom(value: unknown): Config {
  if (typeof value === 'object' && value !== null && 'apiBaseUrl' in value) {
    const { apiBaseUrl } = value;
    if (typeof apiBaseUrl === 'string' && apiBaseUrl !== '') {
      return { apiBaseUrl: apiBaseUrl.replace(/\/+$/, '') };
    }
  }
  throw new Error('/config.json must be {"apiBaseUrl": "https://…/api"}');
}
