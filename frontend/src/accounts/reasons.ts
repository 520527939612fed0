/** By an error's code, as the API gives it. */
const REASONS: Record<string, string> = {
  throttled: 'it asked us to slow down',
  provider_unavailable: 'it does not answer',
  provider_misconfigured: 'this service is not set up correctly at Microsoft; whoever runs it has been told',
  subscription_limit: 'the mailbox has as many subscriptions as Outlook permits',
  subscription_refused: 'it could not reach this service to confirm the subscription',
  mailbox_unavailable: 'the mailbox does not permit it',
  admin_consent_required: 'an administrator has to agree first',
};

/** An error's code in words; an unknown code as it is. */
export function reasonWords(code: string): string {
  return (Object.hasOwn(REASONS, code) ? REASONS[code] : undefined) ?? code.replaceAll('_', ' ');
}
