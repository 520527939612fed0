import { ApiProblem } from '../api/problems';
import type { Change, Changes, PushConnection } from '../api/types';
import { openPushSocket } from './socket';

/** starting: the newest position is not known yet. push: by WebSocket. polling: by long requests. offline: neither. */
export type FeedState = 'starting' | 'push' | 'polling' | 'offline';

export interface FeedPorts {
  /** `after` left out asks for the newest position. */
  changes(
    query: { after?: number; limit: number; wait_seconds?: number },
    signal: AbortSignal,
  ): Promise<Changes>;
  negotiate(signal: AbortSignal): Promise<PushConnection>;
  /** Changes in the order of the log. The feed goes on when it is done. */
  apply(changes: readonly Change[]): Promise<void>;
  /** The log does not reach back to where we were: everything that is on the screen may be out of date. */
  startOver(): void;
  become(state: FeedState): void;
}

export interface FeedPace {
  longPollSeconds: number;
  /** A hint may be lost, so ask now and then although the socket is quiet. */
  quietSeconds: number;
  /** Where this deployment has no push, ask for it again after this long. */
  noPushSeconds: number;
  firstRetrySeconds: number;
  lastRetrySeconds: number;
  /** How often a page in the background asks. */
  hiddenSeconds: number;
  /** Rest between two polls, so that a busy log is asked for in bunches. */
  restSeconds: number;
}

const PACE: FeedPace = {
  longPollSeconds: 20,
  quietSeconds: 60,
  noPushSeconds: 600,
  firstRetrySeconds: 1,
  lastRetrySeconds: 60,
  hiddenSeconds: 60,
  restSeconds: 0.5,
};

const CHANGES_PER_REQUEST = 1000;

/** Follows the change log until `signal` aborts: by push where there is push, else by long-polling. */
export class Feed {
  readonly #ports: FeedPorts;
  readonly #signal: AbortSignal;
  readonly #pace: FeedPace;
  #position = 0;
  #pushFailures = 0;

  constructor(ports: FeedPorts, signal: AbortSignal, pace: Partial<FeedPace> = {}) {
    this.#ports = ports;
    this.#signal = signal;
    this.#pace = { ...PACE, ...pace };
  }

  async run(): Promise<void> {
    await this.#begin();
    while (!this.#signal.aborted) {
      const connection = await this.#ports.negotiate(this.#signal).catch(() => null);
      if (connection && (connection.url === null || connection.protocol === null)) {
        await this.#poll(this.#pace.noPushSeconds);
        continue;
      }
      if (connection?.url && connection.protocol) await this.#push(connection.url, connection.protocol);
      this.#pushFailures += 1;
      await this.#poll(this.#retrySeconds(this.#pushFailures));
    }
  }

  /** What was loaded before the newest position was known may have changed since. */
  async #begin(): Promise<void> {
    let attempts = 0;
    await this.#untilItWorks(() => {
      attempts += 1;
      return this.#findNewestPosition();
    });
    if (attempts > 1) this.#ports.startOver();
  }

  /** Until the socket closes. */
  async #push(url: string, protocol: string): Promise<void> {
    const socket = await openPushSocket(url, protocol).catch(() => null);
    if (!socket) return;
    const close = () => socket.close();
    this.#signal.addEventListener('abort', close);
    try {
      await this.#catchUp();
      this.#pushFailures = 0;
      this.#ports.become('push');
      for (;;) {
        const event = await socket.next(this.#pace.quietSeconds);
        if (event.kind === 'closed' || this.#signal.aborted) return;
        if (event.kind === 'quiet' || event.position > this.#position) await this.#catchUp();
      }
    } catch {
      // The socket works but the API does not: poll, which waits longer and longer, and come back.
    } finally {
      close();
      this.#signal.removeEventListener('abort', close);
    }
  }

  async #poll(seconds: number): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!this.#signal.aborted && Date.now() < deadline) {
      await this.#untilItWorks(async () => {
        const remaining = Math.max(0, Math.ceil((deadline - Date.now()) / 1000));
        await this.#catchUp(document.hidden ? 0 : Math.min(this.#pace.longPollSeconds, remaining));
        this.#ports.become('polling');
      });
      await this.#pause(document.hidden ? this.#pace.hiddenSeconds : this.#pace.restSeconds);
    }
  }

  async #catchUp(waitSeconds = 0): Promise<void> {
    let wait = waitSeconds;
    for (;;) {
      const query = { after: this.#position, limit: CHANGES_PER_REQUEST, wait_seconds: wait };
      const page = await this.#ports.changes(query, this.#signal);
      if (page.items.length > 0) await this.#ports.apply(page.items);
      this.#position = page.position;
      if (!page.has_more) return;
      wait = 0;
    }
  }

  async #findNewestPosition(): Promise<void> {
    let page = await this.#ports.changes({ limit: CHANGES_PER_REQUEST }, this.#signal);
    while (page.has_more) {
      page = await this.#ports.changes({ after: page.position, limit: CHANGES_PER_REQUEST }, this.#signal);
    }
    this.#position = page.position;
    this.#ports.become('polling');
  }

  async #untilItWorks(attempt: () => Promise<void>): Promise<void> {
    for (let failures = 1; !this.#isOver(); failures += 1) {
      try {
        await attempt();
        return;
      } catch (error) {
        if (this.#isOver()) return;
        if (isExpired(error) && (await this.#startOver())) continue;
        this.#ports.become('offline');
        await this.#pause(this.#retrySeconds(failures));
      }
    }
  }

  async #startOver(): Promise<boolean> {
    try {
      await this.#findNewestPosition();
    } catch {
      return false;
    }
    this.#ports.startOver();
    return true;
  }

  #isOver(): boolean {
    return this.#signal.aborted;
  }

  #retrySeconds(failures: number): number {
    const { firstRetrySeconds, lastRetrySeconds } = this.#pace;
    const seconds = Math.min(firstRetrySeconds * 2 ** Math.min(failures - 1, 16), lastRetrySeconds);
    return seconds * (0.75 + Math.random() / 2);
  }

  /** For a while, or until the page comes to the front, the network comes back, or all ends. */
  #pause(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = new AbortController();
      const finish = () => {
        clearTimeout(timer);
        done.abort();
        resolve();
      };
      const timer = setTimeout(finish, seconds * 1000);
      const { signal } = done;
      document.addEventListener('visibilitychange', () => !document.hidden && finish(), { signal });
      window.addEventListener('online', finish, { signal });
      this.#signal.addEventListener('abort', finish, { signal });
    });
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 410;
}
