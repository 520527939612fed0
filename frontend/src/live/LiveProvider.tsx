import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { useApi } from '../api/ApiContext';
import { dataOf, type Api } from '../api/client';
import { fetchMessage, fetchPage } from '../api/queries';
import type { MessageSummary } from '../api/types';
import { applyChanges, type MailSource } from './changes';
import { Feed, type FeedPorts, type FeedState } from './feed';
import { LiveContext } from './LiveContext';
import { Pacer } from './pacer';

const REFRESH_MILLISECONDS = 1500;

/** Follows the change log, keeps what is cached up to date, and tells of new mail. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const api = useApi();
  const cache = useQueryClient();
  const [state, setState] = useState<FeedState>('starting');
  const [arrivals, setArrivals] = useState<readonly MessageSummary[]>([]);

  useEffect(() => {
    const stop = new AbortController();
    const pacer = new Pacer(REFRESH_MILLISECONDS);
    const ports: FeedPorts = {
      ...logOf(api),
      apply: async (changes) => {
        const created = await applyChanges(changes, { cache, source: mailSource(api), pacer });
        const incoming = created.filter((message) => message.direction === 'incoming');
        if (incoming.length > 0) setArrivals(incoming);
      },
      startOver: () => startOver(cache),
      become: (next) => !stop.signal.aborted && setState(next),
    };
    void new Feed(ports, stop.signal).run();
    return () => {
      stop.abort();
      pacer.stop();
    };
  }, [api, cache]);

  const live = useMemo(() => ({ state, arrivals }), [state, arrivals]);
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

function logOf(api: Api): Pick<FeedPorts, 'changes' | 'negotiate'> {
  return {
    changes: (query, signal) => dataOf(api.GET('/changes', { params: { query }, signal })),
    negotiate: (signal) => dataOf(api.POST('/push/negotiate', { signal })),
  };
}

function mailSource(api: Api): MailSource {
  return {
    message: (id) => fetchMessage(api, id, false),
    firstPage: (filter) => fetchPage(api, filter, null),
  };
}

function startOver(cache: QueryClient): void {
  void cache.resetQueries({ predicate: ({ queryKey }) => queryKey[0] === 'messages' });
  void cache.invalidateQueries();
}
