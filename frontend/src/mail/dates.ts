const DAY_MILLISECONDS = 86_400_000;

/** As short as it can be and still be clear: the time today, the day this week, else the date. */
export function shortDate(iso: string, now: Date, locale?: string): string {
  const date = new Date(iso);
  const days = daysBetween(date, now);
  if (days === 0) return format(date, locale, { hour: 'numeric', minute: '2-digit' });
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return format(date, locale, { weekday: 'short' });
  if (date.getFullYear() === now.getFullYear())
    return format(date, locale, { day: 'numeric', month: 'short' });
  return format(date, locale, { day: 'numeric', month: 'short', year: 'numeric' });
}

export function longDate(iso: string, locale?: string): string {
  return format(new Date(iso), locale, { dateStyle: 'full', timeStyle: 'short' });
}

export function mediumDate(iso: string, locale?: string): string {
  return format(new Date(iso), locale, { dateStyle: 'medium', timeStyle: 'short' });
}

/** The heading under which a list shows a message. */
export function periodOf(iso: string, now: Date, locale?: string): string {
  const date = new Date(iso);
  const days = daysBetween(date, now);
  if (days < 0) return 'Later';
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days < 7) return 'Last seven days';
  return format(date, locale, { month: 'long', year: 'numeric' });
}

function daysBetween(date: Date, now: Date): number {
  return Math.round((midnight(now) - midnight(date)) / DAY_MILLISECONDS);
}

function midnight(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

function format(date: Date, locale: string | undefined, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(locale, options).format(date);
}
