interface ConnectionFailure {
  title: string;
  advice: string;
}

/** By the code that the API puts in the address of /connected. */
const FAILURES: Record<string, ConnectionFailure> = {
  denied: {
    title: 'Permission was not given',
    advice: 'You or your organisation declined. Nothing was read. You can try again at any time.',
  },
  consent_required: {
    title: 'An administrator has to agree first',
    advice:
      'Your organisation lets only administrators permit new applications. Ask one to approve this one.',
  },
  expired: {
    title: 'The sign-in took too long',
    advice: 'For your safety, a sign-in is good for ten minutes, and once. Start again.',
  },
  other_browser: {
    title: 'The sign-in ended in another browser',
    advice: 'For your safety, it has to end in the browser in which it began. Start again here.',
  },
  permissions_missing: {
    title: 'Permission to read mail is missing',
    advice: 'You signed in, but not every permission was given. Try again, and accept all that is asked for.',
  },
  mailbox_taken: {
    title: 'This mailbox is already connected',
    advice:
      'Somebody connected it here before, perhaps you with another account. It has to be disconnected there first.',
  },
  mailbox_unavailable: {
    title: 'This account has no mailbox that can be read',
    advice: 'It may have no licence, or its mailbox may be on a server of your own organisation.',
  },
  provider_unavailable: {
    title: 'Microsoft does not answer at the moment',
    advice: 'Wait a minute and try again.',
  },
  provider_misconfigured: {
    title: 'This service is not set up correctly at Microsoft',
    advice: 'Trying again does not help. Tell whoever runs this service.',
  },
};

const UNKNOWN: ConnectionFailure = {
  title: 'Something went wrong on the way back from Microsoft',
  advice: 'Nothing was read. Try again; if it happens again, tell whoever runs this service.',
};

export function connectionFailure(code: string): ConnectionFailure {
  return (Object.hasOwn(FAILURES, code) ? FAILURES[code] : undefined) ?? UNKNOWN;
}
