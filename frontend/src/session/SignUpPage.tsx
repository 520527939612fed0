import { Alert, Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { Link, useLocation } from 'react-router';
import { usePageTitle } from '../shell/usePageTitle';
import { AuthLayout } from './AuthLayout';
import { useSession } from './SessionContext';
import { useForm } from './useForm';

const PASSWORD_MIN_CHARACTERS = 10;

export function SignUpPage() {
  const session = useSession();
  const { search } = useLocation();
  usePageTitle('Create an account');
  const form = useForm(
    ['name', 'email', 'password'],
    ({ name, email, password }) => session.signUp({ name: name.trim(), email: email.trim(), password }),
    ({ email, password }) => ({
      ...(!email.includes('@') && { email: 'Enter an e-mail address, such as name@example.com.' }),
      ...(password.length < PASSWORD_MIN_CHARACTERS && {
        password: `Use at least ${PASSWORD_MIN_CHARACTERS} characters.`,
      }),
    }),
  );
  return (
    <AuthLayout title="Create an account">
      <form onSubmit={form.submit} noValidate aria-label="Create an account">
        <Stack gap="md">
          {form.error && <Alert color="red">{form.error}</Alert>}
          <TextInput {...form.field('name')} label="Name" autoComplete="name" maxLength={200} />
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
            description={`At least ${PASSWORD_MIN_CHARACTERS} characters.`}
            autoComplete="new-password"
            required
          />
          <Button type="submit" loading={form.isSending} fullWidth>
            Create account
          </Button>
        </Stack>
      </form>
      <Text size="sm" c="dimmed" mt="lg" ta="center">
        Already have an account?{' '}
        <Anchor component={Link} to={`/login${search}`} size="sm">
          Log in
        </Anchor>
      </Text>
    </AuthLayout>
  );
}
