import { Navigate } from 'react-router';
import { useAccounts, useFolders } from '../api/queries';
import { Failure } from '../shell/Failure';
import { ShellSkeleton } from '../shell/ShellSkeleton';
import { inboxOf } from './folders';
import { ALL_MAIL } from './useMailLocation';

/** The inbox, all mail while there is no inbox yet, or the way to connect the first mailbox. */
export function FirstPage() {
  const accounts = useAccounts();
  const folders = useFolders(accounts.data?.map((account) => account.id) ?? []);
  if (accounts.isPending || folders.isPending) return <ShellSkeleton />;
  if (!accounts.data) return <Failure error={accounts.error} retry={() => void accounts.refetch()} />;
  if (accounts.data.length === 0) return <Navigate to="/connect" replace />;
  return <Navigate to={`/mail/${inboxOf(folders.folders)?.id ?? ALL_MAIL}`} replace />;
}
