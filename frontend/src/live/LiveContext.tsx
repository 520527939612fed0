import { createContext, useContext } from 'react';
import type { MessageSummary } from '../api/types';
import type { FeedState } from './feed';

export interface Live {
  state: FeedState;
  /** Incoming mail of the last moment. */
  arrivals: readonly MessageSummary[];
}

export const LiveContext = createContext<Live>({ state: 'starting', arrivals: [] });

export function useLive(): Live {
  return useContext(LiveContext);
}
