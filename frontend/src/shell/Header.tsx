import { ActionIcon, Tooltip } from '@mantine/core';
import { IconKeyboard, IconMenu2 } from '@tabler/icons-react';
import { Link, useMatch } from 'react-router';
import { SearchBox } from '../mail/SearchBox';
import { AccountMenu } from './AccountMenu';
import { Brand } from './Brand';
import styles from './Header.module.css';
import { LiveMark } from './LiveMark';
import { ThemeToggle } from './ThemeToggle';

interface HeaderProps {
  openHelp: () => void;
  toggleFolders: () => void;
}

export function Header({ openHelp, toggleFolders }: HeaderProps) {
  const inMail = useMatch('/mail/:view/*') !== null;
  return (
    <header className={styles.header}>
      <div className={styles.start}>
        {inMail && (
          <ActionIcon className={styles.burger} size="lg" aria-label="Folders" onClick={toggleFolders}>
            <IconMenu2 size={20} stroke={1.6} />
          </ActionIcon>
        )}
        <Link to="/mail" className={styles.brand} aria-label="Email Core, to the inbox">
          <Brand />
        </Link>
      </div>
      <SearchBox />
      <div className={styles.end}>
        <LiveMark />
        <Tooltip label="Keyboard shortcuts">
          <ActionIcon className={styles.keys} size="lg" aria-label="Keyboard shortcuts" onClick={openHelp}>
            <IconKeyboard size={20} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
        <ThemeToggle />
        <AccountMenu />
      </div>
    </header>
  );
}
