import { Alert, Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { Link, useLocation } from 'react-router';
import { isUnauthenticated } from '../api/problems';
import { usePageTitle } from '../shell/usePageTitle';
import { AuthLayout } from './AuthLayout';
import { useSession } from './SessionContext';
import { useForm } from './useForm';

export function LogInPage() {
  const session = useSession();
  const { search } = useLocation();
  usePageTitle('Log in');
  const form = useForm(['email', 'password'], async ({ email, password }) => {
    try {
      await session.logIn({ email: email.trim(), password });
    } catch (error) {
      throw isUnauthenticated(error) ? new Error('The e-mail address or the password is wrong.') : error;
    }
  });
  return (
    <AuthLayout title="Log in">
      <form onSubmit={form.submit} noValidate aria-label="Log in">
        <Stack gap="md">
          {form.error && <Alert color="red">{form.error}</Alert>}
          <TextInput
            {...form.field('email')}
            label="E-mail address"
            type="email"
            autoComplete="username"
            required
          />
          <PasswordInput
            {...form.field('password')}
            label="Password"
            autoComplete="current-password"
            required
          />
          <Button type="submit" loading={form.isSending} fullWidth>
            Log in
          </Button>
        </Stack>
      </form>
      <Text size="sm" c="dimmed" mt="lg" ta="center">
        New here?{' '}
        <Anchor component={Link} to={`/signup${search}`} size="sm">
          Create an account
        </Anchor>
      </Text>
    </AuthLayout>
  );
}
