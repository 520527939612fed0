import { useEffect, useState } from 'react';

const MINUTE_MILLISECONDS = 60_000;

/** The time, for what is shown relative to it: it changes when the day does. */
export function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => {
      const time = new Date();
      setNow((before) => (before.toDateString() === time.toDateString() ? before : time));
    }, MINUTE_MILLISECONDS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
