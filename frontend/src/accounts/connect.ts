import { useMutation } from '@tanstack/react-query';
import { notifications } from '@mantine/notifications';
import { useApi } from '../api/ApiContext';
import { dataOf } from '../api/client';
import { messageOf } from '../api/problems';

/** Go to Microsoft's sign-in; it comes back to /connected. A cookie ties both ends of it to this browser. */
export function useConnectOutlook() {
  const api = useApi();
  return useMutation({
    mutationFn: async () =>
      (await dataOf(api.POST('/accounts/connect/outlook', { credentials: 'include' }))).authorization_url,
    onSuccess: (url) => window.location.assign(url),
    onError: (error) =>
      notifications.show({
        color: 'red',
        title: 'Outlook cannot be connected now',
        message: messageOf(error),
      }),
  });
}
