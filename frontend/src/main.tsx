import '@fontsource-variable/inter/index.css';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './app/theme.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { loadConfig } from './api/config';
import { messageOf } from './api/problems';
import { App } from './app/App';
import { Session } from './session/session';

async function start(element: HTMLElement): Promise<void> {
  const { apiBaseUrl } = await loadConfig();
  const session = new Session(apiBaseUrl);
  void session.restore();
  createRoot(element).render(
    <StrictMode>
      <App apiBaseUrl={apiBaseUrl} session={session} />
    </StrictMode>,
  );
}

const root = document.getElementById('root');
if (root) {
  start(root).catch((error: unknown) => {
    root.textContent = `The page cannot start: ${messageOf(error)}`;
  });
}
