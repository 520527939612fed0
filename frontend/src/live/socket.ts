const OPENING_SECONDS = 10;

/** What happened next: a hint that the change log reached a position, nothing for a while, or the end. */
export type SocketEvent = { kind: 'hint'; position: number } | { kind: 'quiet' } | { kind: 'closed' };

export interface PushSocket {
  next(patienceSeconds: number): Promise<SocketEvent>;
  close(): void;
}

/**
 * Connect to Azure Web PubSub, or to what speaks its JSON subprotocol. Rejects when that does not work in time.
 *
 * Hints are content-free and may be lost or merged: only the newest is kept until it is asked for.
 */
export function openPushSocket(url: string, protocol: string): Promise<PushSocket> {
  const socket = new WebSocket(url, protocol);
  let hint: number | null = null;
  let closed = false;
  let wake: () => void = () => undefined;

  const opened = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error('push: no answer'));
      socket.close();
    }, OPENING_SECONDS * 1000);
    socket.onmessage = (event) => {
      const frame = frameFrom(event.data);
      if (frame === 'connected') {
        clearTimeout(timer);
        resolve();
      } else if (frame === 'disconnected') {
        socket.close();
      } else if (frame !== null) {
        hint = Math.max(hint ?? 0, frame);
        wake();
      }
    };
    socket.onclose = () => {
      closed = true;
      clearTimeout(timer);
      reject(new Error('push: closed'));
      wake();
    };
  });

  async function next(patienceSeconds: number): Promise<SocketEvent> {
    if (hint === null && !closed) await wokenWithin(patienceSeconds * 1000, (waker) => (wake = waker));
    if (hint !== null) {
      const position = hint;
      hint = null;
      return { kind: 'hint', position };
    }
    return { kind: closed ? 'closed' : 'quiet' };
  }

  return opened.then(() => ({ next, close: () => socket.close() }));
}

/** The position of a hint, or the name of a system event; null for anything else. */
export function frameFrom(text: unknown): number | 'connected' | 'disconnected' | null {
  if (typeof text !== 'string') return null;
  const frame = parsed(text);
  if (frame?.type === 'system') {
    return frame.event === 'connected' || frame.event === 'disconnected' ? frame.event : null;
  }
  const position = frame?.type === 'message' ? frame.data?.position : undefined;
  return typeof position === 'number' ? position : null;
}

interface Frame {
  type?: unknown;
  event?: unknown;
  data?: { position?: unknown } | null;
}

function parsed(text: string): Frame | null {
  try {
    return JSON.parse(text) as Frame | null;
  } catch {
    return null;
  }
}

function wokenWithin(milliseconds: number, register: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    register(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
