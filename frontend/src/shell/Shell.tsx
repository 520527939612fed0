import { useDisclosure } from '@mantine/hooks';
import { Outlet, useNavigate } from 'react-router';
import { useLive } from '../live/LiveContext';
import { Announcer } from './Announcer';
import { Header } from './Header';
import styles from './Shell.module.css';
import { ShortcutHelp } from './ShortcutHelp';
import { ShellSkeleton } from './ShellSkeleton';
import { useShortcuts } from './useShortcuts';

/** The frame around every page of a signed-in user. */
export function Shell() {
  const live = useLive();
  const navigate = useNavigate();
  const [helpOpened, help] = useDisclosure();
  const [foldersOpened, folders] = useDisclosure();
  useShortcuts({
    '?': help.open,
    '/': () => document.getElementById('search')?.focus(),
    'g i': () => void navigate('/mail'),
    'g a': () => void navigate('/mail/all'),
  });
  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        Skip to content
      </a>
      <Header openHelp={help.open} toggleFolders={folders.toggle} />
      {live.state === 'starting' ? (
        <ShellSkeleton />
      ) : (
        <Outlet context={{ foldersOpened, closeFolders: folders.close }} />
      )}
      <ShortcutHelp opened={helpOpened} close={help.close} />
      <Announcer />
    </div>
  );
}
