export interface MockOptions {
  port?: number;
  page?: string;
  messages?: number;
  syncSeconds?: number;
  push?: boolean;
}

export interface MockMail {
  subject?: string;
  text?: string;
  html?: string;
}

export interface Mock {
  url: string;
  world: {
    connect(): { id: string };
    beginSession(): { reply: { access_token: string } };
    expireToken(): void;
    signUp(user: { email: string; password: string; name?: string }): void;
    progress(): { state: string } | null;
    becomes(health: Record<string, unknown>): unknown;
  };
  deliver(mail: MockMail): { id: string };
  dropSockets(): void;
  close(): Promise<void>;
}

export function startMock(options?: MockOptions): Promise<Mock>;
