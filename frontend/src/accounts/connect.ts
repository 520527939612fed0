import { useMutation } from '@tanstack/react-query';
import { notifications } from '@mantine/notifications';
import { useApi } from '../api/ApiContext';
import { dataOf } from '../api/client';
import { messageOf } from '../api/problems';

/** Go to Microsoft's sign-in; it comes back to /connected. */
export function useConnectOutlook() {
  const api = useApi();
  return useMutation({
    mutationFn: async () => (await dataOf(api.POST('/accounts/connect/outlook'))).authorization_url,
    onSuccess: (url) => window.location.assign(url),
    onError: (error) =>
      notifications.show({
        color: 'red',
        title: 'Outlook cannot be connected now',
        message: messageOf(error),
      }),
  });
}
