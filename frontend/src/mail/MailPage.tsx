import { Drawer } from '@mantine/core';
import { useOutletContext } from 'react-router';
import { FolderPane } from './FolderPane';
import styles from './MailPage.module.css';
import { MessageListPane } from './MessageListPane';
import { ReadingPane } from './ReadingPane';
import { useMailLocation } from './useMailLocation';

interface FolderDrawer {
  foldersOpened: boolean;
  closeFolders: () => void;
}

/** Folders, list and message side by side; on a small screen one at a time. */
export function MailPage() {
  const { messageId } = useMailLocation();
  const { foldersOpened, closeFolders } = useOutletContext<FolderDrawer>();
  return (
    <div className={styles.panes} data-reading={messageId !== null || undefined}>
      <div className={styles.folders}>
        <FolderPane />
      </div>
      <Drawer opened={foldersOpened} onClose={closeFolders} size={290} title="Folders" padding="sm">
        <FolderPane onLeave={closeFolders} />
      </Drawer>
      <main id="content" className={styles.list} tabIndex={-1}>
        <MessageListPane />
      </main>
      <section className={styles.reading} aria-label="Reading pane">
        <ReadingPane key={messageId} messageId={messageId} />
      </section>
    </div>
  );
}
